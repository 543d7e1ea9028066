using System.Collections.Immutable;
using StackExchange.Redis;

namespace ProtoMesh.Server.Store.Redis;

/// <summary>Who wants which channels. Outlives a connection, so that a new one can subscribe to the same.</summary>
internal sealed class RedisListeners(RedisSettings settings, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _subscribing = new(1, 1);
    private ImmutableArray<Listener> _all = [];

    /// <summary>Remembers a listener only once it is subscribed, so that a caller may simply try again.</summary>
    public async Task AddAsync(
        ConnectionMultiplexer connection, IReadOnlyList<string> channels, Action<string, string> onMessage, Action onReconnected, CancellationToken cancellationToken)
    {
        var listener = new Listener([.. channels], onMessage, onReconnected);
        ImmutableInterlocked.Update(ref _all, (all, one) => all.Add(one), listener);
        try
        {
            await SubscribeAsync(connection, cancellationToken);
        }
        catch
        {
            ImmutableInterlocked.Update(ref _all, (all, one) => all.Remove(one), listener);
            throw;
        }
    }

    /// <summary>Sees to it that every channel is subscribed on this connection, and that Redis has heard so.</summary>
    /// <remarks>The client forgets where a channel was subscribed when no node is left, and then does not subscribe it again.</remarks>
    public async Task SubscribeAsync(ConnectionMultiplexer connection, CancellationToken cancellationToken)
    {
        await _subscribing.WaitAsync(cancellationToken);
        try
        {
            var subscriber = connection.GetSubscriber();
            foreach (var channel in _all.SelectMany(listener => listener.Channels).Distinct(StringComparer.Ordinal).Select(Literal))
            {
                if (subscriber.SubscribedEndpoint(channel) is null)
                {
                    await subscriber.UnsubscribeAsync(channel, OnMessage, CommandFlags.FireAndForget);
                    await subscriber.SubscribeAsync(channel, OnMessage).WaitAsync(settings.Timeout, time, cancellationToken);
                    _ = subscriber.SubscribedEndpoint(channel)
                        ?? throw StoreException.Unavailable($"There is no connection to Redis at {settings.Where} to listen on; nothing was changed.");
                }
            }

            // The subscriptions went over the same socket before this ping, so they are in force once it is answered.
            await subscriber.PingAsync().WaitAsync(settings.Timeout, time, cancellationToken);
        }
        finally
        {
            _subscribing.Release();
        }
    }

    public void TellReconnected()
    {
        foreach (var listener in _all)
        {
            listener.OnReconnected();
        }
    }

    public void Dispose() => _subscribing.Dispose();

    /// <summary>The names are not patterns, whatever braces they hold.</summary>
    public static RedisChannel Literal(string channel) => new(channel, RedisChannel.PatternMode.Literal);

    private void OnMessage(RedisChannel channel, RedisValue message)
    {
        string name = channel!;
        foreach (var listener in _all)
        {
            if (listener.Channels.Contains(name))
            {
                listener.OnMessage(name, message!);
            }
        }
    }

    private sealed record Listener(ImmutableHashSet<string> Channels, Action<string, string> OnMessage, Action OnReconnected);
}
