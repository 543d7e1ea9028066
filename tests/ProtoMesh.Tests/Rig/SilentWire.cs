using System.Net;
using System.Net.Sockets;

namespace ProtoMesh.Tests.Rig;

/// <summary>Passes connections on to a port of loopback, until told to swallow the open ones: no data, no reset, as when a host vanishes.</summary>
internal sealed class SilentWire : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _closed = new();
    private readonly int _target;
    private volatile Generation _generation = new();

    public SilentWire(int target)
    {
        _target = target;
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void SwallowWhatIsOpen()
    {
        _generation.Swallows = true;
        _generation = new Generation();
    }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        _listener.Dispose();
        _closed.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_closed.IsCancellationRequested)
        {
            var near = await _listener.AcceptSocketAsync(_closed.Token);
            var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await far.ConnectAsync(IPAddress.Loopback, _target, _closed.Token);
            var generation = _generation;
            _ = PassAsync(near, far, generation);
            _ = PassAsync(far, near, generation);
        }
    }

    private async Task PassAsync(Socket from, Socket to, Generation generation)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, _closed.Token) is var count and > 0)
            {
                if (!generation.Swallows)
                {
                    await to.SendAsync(buffer.AsMemory(0, count), _closed.Token);
                }
            }
        }
        catch (Exception end) when (end is SocketException or OperationCanceledException or ObjectDisposedException)
        {
        }

        from.Dispose();
        if (!generation.Swallows)
        {
            to.Dispose();
        }
    }

    private sealed class Generation
    {
        public volatile bool Swallows;
    }
}
