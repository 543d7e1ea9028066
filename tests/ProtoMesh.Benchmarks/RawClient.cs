using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace ProtoMesh.Benchmarks;

/// <summary>
/// One keep-alive connection that speaks just enough HTTP/1.1 to load a server without costing as much as the server does.
/// </summary>
internal sealed class RawClient : IDisposable
{
    private static readonly byte[] LastChunk = "0\r\n\r\n"u8.ToArray();
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _length;

    public static async Task<RawClient> ConnectAsync(int port)
    {
        var client = new RawClient();
        await client._socket.ConnectAsync(IPAddress.Loopback, port);
        return client;
    }

    /// <summary>Sends a POST and returns the status; <see cref="Body"/> has the answer until the next call.</summary>
    public async Task<int> PostAsync(string path, string json, string headers = "")
    {
        var request = Encoding.UTF8.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}Content-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}");
        await _socket.SendAsync(request);
        _length = 0;
        while (!IsComplete())
        {
            var read = await _socket.ReceiveAsync(_buffer.AsMemory(_length));
            if (read == 0)
            {
                throw new IOException("The server closed the connection.");
            }

            _length += read;
        }

        return (_buffer[9] - '0') * 100 + (_buffer[10] - '0') * 10 + _buffer[11] - '0';
    }

    /// <summary>The answer's JSON.</summary>
    public JsonElement Body
    {
        get
        {
            var reply = _buffer.AsSpan(0, _length);
            var start = reply.IndexOf((byte)'{');
            return JsonDocument.Parse(_buffer.AsMemory(start, reply.LastIndexOf((byte)'}') - start + 1)).RootElement;
        }
    }

    public void Dispose() => _socket.Dispose();

    private bool IsComplete()
    {
        var reply = _buffer.AsSpan(0, _length);
        var end = reply.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return false;
        }

        var head = reply[..end];
        var length = head.IndexOf("Content-Length: "u8);
        if (length < 0)
        {
            return reply.EndsWith(LastChunk);
        }

        var rest = head[(length + 16)..];
        var line = rest.IndexOf((byte)'\r');
        return _length - end - 4 >= int.Parse(line < 0 ? rest : rest[..line]);
    }
}
