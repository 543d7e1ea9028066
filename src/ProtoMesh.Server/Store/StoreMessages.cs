using System.Collections.Immutable;

namespace ProtoMesh.Server.Store;

/// <summary>What scripts publish, for every room of this process: one subscription at the store, many listeners here.</summary>
/// <remarks>Messages only hurry. Any of them may be lost, so whoever listens also looks by itself now and then.</remarks>
internal sealed partial class StoreMessages(ScriptStore store, ILogger<StoreMessages> log)
{
    private ImmutableArray<Listener> _listeners = [];
    private int _started;

    /// <summary>Subscribes at the store, once, also when called again; call it after <see cref="ScriptStore.StartAsync"/>.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
        {
            return;
        }

        var partitions = store.Keys.ToDictionary(keys => keys.Channel, keys => keys.Partition, StringComparer.Ordinal);
        try
        {
            await store.Engine.ListenAsync(
                [.. partitions.Keys],
                (channel, message) => Tell(listener => listener.OnMessage(partitions[channel], message)),
                () => Tell(listener => listener.OnReconnected?.Invoke()),
                cancellationToken);
        }
        catch
        {
            Volatile.Write(ref _started, 0);
            throw;
        }
    }

    /// <summary>Registers a listener until the result is disposed.</summary>
    /// <param name="onMessage">The partition and the text; called on the store's thread, so it must be quick.</param>
    /// <param name="onReconnected">Called when messages may have been missed.</param>
    public IDisposable Subscribe(Action<int, string> onMessage, Action? onReconnected = null)
    {
        var listener = new Listener(this, onMessage, onReconnected);
        ImmutableInterlocked.Update(ref _listeners, (all, added) => all.Add(added), listener);
        return listener;
    }

    private void Tell(Action<Listener> tell)
    {
        foreach (var listener in _listeners)
        {
            try
            {
                tell(listener);
            }
            catch (Exception problem)
            {
                // One listener's fault must not keep a message from the others.
                LogListenerFailed(log, problem);
            }
        }
    }

    [LoggerMessage(1003, LogLevel.Error, "A listener to the store's messages failed.")]
    private static partial void LogListenerFailed(ILogger log, Exception problem);

    private sealed class Listener(StoreMessages hub, Action<int, string> onMessage, Action? onReconnected) : IDisposable
    {
        public Action<int, string> OnMessage { get; } = onMessage;

        public Action? OnReconnected { get; } = onReconnected;

        public void Dispose() => ImmutableInterlocked.Update(ref hub._listeners, (all, gone) => all.Remove(gone), this);
    }
}
