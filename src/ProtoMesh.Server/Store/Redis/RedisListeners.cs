using System.Collections.Immutable;
using StackExchange.Redis;

namespace ProtoMesh.Server.Store.Redis;

/// <summary>Who wants which channels. Outlives a connection, so that a new one can subscribe to the same.</summary>
internal sealed class RedisListeners(TimeSpan timeout, TimeProvider time)
{
    private ImmutableArray<Listener> _all = [];

    /// <summary>Subscribes, and remembers it only if that succeeded, so that a caller may simply try again.</summary>
    public async Task AddAsync(
        ConnectionMultiplexer connection, IReadOnlyList<string> channels, Action<string, string> onMessage, Action onReconnected, CancellationToken cancellationToken)
    {
        var listener = new Listener(channels, (channel, message) => onMessage(channel!, message!), onReconnected);
        try
        {
            await SubscribeAsync(connection, listener, cancellationToken);
        }
        catch
        {
            foreach (var channel in channels)
            {
                _ = connection.GetSubscriber().UnsubscribeAsync(Literal(channel), listener.OnMessage, CommandFlags.FireAndForget);
            }

            throw;
        }

        ImmutableInterlocked.Update(ref _all, (all, one) => all.Add(one), listener);
    }

    public async Task MoveAsync(ConnectionMultiplexer connection, CancellationToken cancellationToken)
    {
        foreach (var listener in _all)
        {
            await SubscribeAsync(connection, listener, cancellationToken);
        }
    }

    public void Reconnected()
    {
        foreach (var listener in _all)
        {
            listener.OnReconnected();
        }
    }

    /// <summary>The names are not patterns, whatever braces they hold.</summary>
    public static RedisChannel Literal(string channel) => new(channel, RedisChannel.PatternMode.Literal);

    private async Task SubscribeAsync(ConnectionMultiplexer connection, Listener listener, CancellationToken cancellationToken)
    {
        var subscriber = connection.GetSubscriber();
        foreach (var channel in listener.Channels)
        {
            await subscriber.SubscribeAsync(Literal(channel), listener.OnMessage).WaitAsync(timeout, time, cancellationToken);
        }
    }

    private sealed record Listener(IReadOnlyList<string> Channels, Action<RedisChannel, RedisValue> OnMessage, Action OnReconnected);
}
