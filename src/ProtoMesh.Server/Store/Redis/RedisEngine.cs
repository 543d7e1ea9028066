using System.Collections.Concurrent;
using System.Text;
using StackExchange.Redis;

namespace ProtoMesh.Server.Store.Redis;

/// <summary>Runs the scripts on a Redis server or Cluster.</summary>
/// <remarks>
/// Every call demands a master: a replica would answer with what was true a moment ago. A call that got no answer is
/// reported as such within <see cref="RedisSettings.Timeout"/>; the connection is restored behind it, and the next call
/// after that works again.
/// </remarks>
internal sealed class RedisEngine : IStoreEngine
{
    /// <summary>A connection is given up after this long without an answer. TCP itself would hope for a quarter of an hour.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    private readonly RedisSettings _settings;
    private readonly RedisConnector _connector;
    private readonly RedisListeners _listeners;
    private readonly TimeProvider _time;
    private readonly ILogger<RedisEngine> _log;
    private readonly ConcurrentDictionary<int, RedisKey[]> _keys = new();
    private readonly ConcurrentDictionary<int, long> _silentSince = new();
    private volatile ConnectionMultiplexer? _connection;
    private volatile bool _disposed;
    private int _replacing;

    /// <param name="connectionString"><c>ConnectionStrings:Redis</c>.</param>
    /// <param name="time">Measures time-outs; the leases' time is the store's own.</param>
    /// <param name="log">Where lost and restored connections are told.</param>
    /// <exception cref="StoreException">The connection string cannot be understood.</exception>
    public RedisEngine(string connectionString, TimeProvider time, ILogger<RedisEngine> log)
    {
        _settings = RedisSettings.Parse(connectionString);
        _connector = new RedisConnector(_settings, time);
        _listeners = new RedisListeners(_settings, time);
        (_time, _log) = (time, log);
    }

    public string Kind => "redis";

    /// <summary>1, or 64 once a connection has shown that the server is a Cluster.</summary>
    public int DefaultPartitions { get; private set; } = 1;

    private ConnectionMultiplexer Connection =>
        _connection ?? throw StoreException.Unavailable($"There is no connection to Redis at {_settings.Where} yet; nothing was changed.");

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_connection is null)
        {
            var connection = await _connector.ConnectAsync(cancellationToken);
            var isCluster = Array.Exists(connection.GetEndPoints(), endpoint => connection.GetServer(endpoint).ServerType == ServerType.Cluster);
            DefaultPartitions = isCluster ? 64 : 1;
            Use(connection);
            RedisLog.Connected(_log, _settings.Where, isCluster ? "Cluster" : "single server");
        }
    }

    public async Task LoadAsync(int partition, IReadOnlyCollection<string> texts, CancellationToken cancellationToken)
    {
        try
        {
            var owner = await Connection.GetDatabase().IdentifyEndpointAsync(KeysOf(new PartitionKeys(partition))[0], CommandFlags.DemandMaster)
                .WaitAsync(_settings.Timeout, _time, cancellationToken);
            var server = Connection.GetServer(owner!);
            await Task.WhenAll(texts.Select(text => LoadAsync(server, text))).WaitAsync(_settings.Timeout, _time, cancellationToken);
        }
        catch (Exception failure) when (RedisErrors.Translate(failure, _settings) is { } told)
        {
            Note(failure, partition);
            throw told;
        }
    }

    /// <summary>Another replica has often loaded the text already; asking is a hundred times smaller than sending.</summary>
    private static async Task LoadAsync(IServer server, string text)
    {
        if (!await server.ScriptExistsAsync(Script.Sha(text), CommandFlags.DemandMaster))
        {
            await server.ScriptLoadAsync(text, CommandFlags.DemandMaster);
        }
    }

    public async ValueTask<Reply> RunAsync(byte[] sha, PartitionKeys keys, string[] arguments, CancellationToken cancellationToken)
    {
        try
        {
            // With a hash the client has no text it could fall back on: it is EVALSHA or nothing.
            var result = await Connection.GetDatabase()
                .ScriptEvaluateAsync(sha, KeysOf(keys), Array.ConvertAll(arguments, static argument => (RedisValue)argument), CommandFlags.DemandMaster)
                .WaitAsync(_settings.Timeout, _time, cancellationToken);
            if (!_silentSince.IsEmpty)
            {
                _silentSince.TryRemove(keys.Partition, out _);
            }

            return RedisReply.Of(result);
        }
        catch (Exception failure) when (RedisErrors.Translate(failure, _settings) is { } told)
        {
            Note(failure, keys.Partition);
            throw told;
        }
    }

    /// <summary>Does nothing: Redis persists as its own <c>appendfsync</c> says, and <c>WAITAOF</c> exists from 7.2 on only.</summary>
    public ValueTask PersistAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public async Task ListenAsync(IReadOnlyList<string> channels, Action<string, string> onMessage, Action onReconnected, CancellationToken cancellationToken)
    {
        try
        {
            await _listeners.AddAsync(Connection, channels, onMessage, onReconnected, cancellationToken);
        }
        catch (Exception failure) when (RedisErrors.Translate(failure, _settings) is { } told)
        {
            throw told;
        }
    }

    public async ValueTask PublishAsync(string channel, string message)
    {
        try
        {
            await Connection.GetSubscriber().PublishAsync(RedisListeners.Literal(channel), message, CommandFlags.DemandMaster)
                .WaitAsync(_settings.Timeout, _time);
        }
        catch (Exception failure) when (RedisErrors.Translate(failure, _settings) is { } told)
        {
            throw told;
        }
    }

    public async Task<IReadOnlyList<string>> WarningsAsync(CancellationToken cancellationToken) =>
        _connection is { } connection ? await RedisWarnings.OfAsync(connection, _settings, _time, cancellationToken) : [];

    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        _listeners.Dispose();
        if (_connection is { } connection)
        {
            _connection = null;
            await CloseAsync(connection);
        }
    }

    private static async Task CloseAsync(ConnectionMultiplexer connection)
    {
        await connection.CloseAsync(allowCommandsToComplete: false);
        connection.Dispose();
    }

    private RedisKey[] KeysOf(PartitionKeys keys) =>
        _keys.GetOrAdd(keys.Partition, static (_, names) => Array.ConvertAll(names, static name => (RedisKey)Encoding.UTF8.GetBytes(name)), keys.Names);

    private void Use(ConnectionMultiplexer connection)
    {
        connection.ConnectionFailed += (_, lost) =>
        {
            if (lost.ConnectionType == ConnectionType.Interactive)
            {
                RedisLog.Lost(_log, RedisSettings.Describe(lost.EndPoint), lost.FailureType.ToString());
            }
        };
        connection.ConnectionRestored += (_, restored) =>
        {
            if (restored.ConnectionType == ConnectionType.Interactive)
            {
                RedisLog.Restored(_log, RedisSettings.Describe(restored.EndPoint));
            }

            _ = TellReconnectedAsync(connection);
        };

        // A subscription whose node is gone moves to another one without that node's connection being restored.
        connection.ConfigurationChanged += (_, _) => _ = TellReconnectedAsync(connection);
        _connection = connection;
    }

    private async Task TellReconnectedAsync(ConnectionMultiplexer connection)
    {
        try
        {
            await _listeners.SubscribeAsync(connection, CancellationToken.None);
        }
        catch (Exception failure) when (RedisErrors.Translate(failure, _settings) is not null)
        {
            return; // the connection that is still missing reports itself when it is back
        }

        _listeners.TellReconnected();
    }

    private void Note(Exception failure, int partition)
    {
        if (RedisErrors.IsScriptError(failure))
        {
            RedisLog.ScriptFailed(_log, failure, partition);
        }

        if (failure is not TimeoutException)
        {
            return;
        }

        var since = _silentSince.GetOrAdd(partition, _time.GetTimestamp());
        if (_time.GetElapsedTime(since) >= Silence && Interlocked.Exchange(ref _replacing, 1) == 0)
        {
            _ = ReplaceAsync(_time.GetElapsedTime(since));
        }
    }

    /// <summary>The client never gives up on an open socket that has gone silent, so this does.</summary>
    private async Task ReplaceAsync(TimeSpan silence)
    {
        try
        {
            var (old, connection) = (_connection, await _connector.ConnectAsync(CancellationToken.None));
            if (_disposed || old is null)
            {
                await CloseAsync(connection);
                return;
            }

            await _listeners.SubscribeAsync(connection, CancellationToken.None);
            Use(connection);
            _silentSince.Clear();
            RedisLog.Replaced(_log, _settings.Where, silence);
            await CloseAsync(old);
            _listeners.TellReconnected();
        }
        catch (Exception failure) when (RedisErrors.Translate(failure, _settings) is not null)
        {
            // Still silent: the next time-out tries again.
        }
        finally
        {
            Volatile.Write(ref _replacing, 0);
        }
    }
}
