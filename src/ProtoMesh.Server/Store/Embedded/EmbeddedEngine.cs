using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>The store without a server: one writer in this process, and its files in the data folder.</summary>
internal sealed class EmbeddedEngine : IStoreEngine
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, byte[][]> _keys = [];
    private readonly Messages _messages = new();
    private readonly TimeProvider _time;
    private readonly ILogger<EmbeddedEngine> _log;
    private readonly string? _folder;
    private Keyspace _keyspace = new();
    private LuaHost? _lua;

    public EmbeddedEngine(IOptions<StoreOptions> options, TimeProvider time, ILogger<EmbeddedEngine> log)
        : this(Path.Combine(Path.GetFullPath(options.Value.DataFolder), "store"), time, log)
    {
    }

    private EmbeddedEngine(string? folder, TimeProvider time, ILogger<EmbeddedEngine> log) => (_folder, _time, _log) = (folder, time, log);

    public string Kind => "embedded";

    public int DefaultPartitions => 1;

    /// <summary>A store that keeps nothing on disk.</summary>
    public static EmbeddedEngine InMemory(TimeProvider time, ILogger<EmbeddedEngine>? log = null) =>
        new((string?)null, time, log ?? NullLogger<EmbeddedEngine>.Instance);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _lua = new LuaHost(new CommandContext(_keyspace, _time, _messages));
        }

        return Task.CompletedTask;
    }

    public Task LoadAsync(int partition, IReadOnlyCollection<string> texts, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            foreach (var text in texts)
            {
                _lua!.Load(text);
            }
        }

        return Task.CompletedTask;
    }

    public ValueTask<Reply> RunAsync(byte[] sha, PartitionKeys keys, string[] arguments, CancellationToken cancellationToken)
    {
        Reply reply;
        IReadOnlyList<(Action<string, string> Listener, string Channel, string Message)> messages;
        lock (_gate)
        {
            if (!_lua!.Knows(sha))
            {
                throw new NoScriptException();
            }

            try
            {
                reply = _lua.Run(sha, NamesOf(keys), arguments);
                _keyspace.Commit();
            }
            catch (LuaFailure failure)
            {
                _keyspace.Rollback();
                _messages.Drop();
                throw StoreException.Unavailable("The store failed.", failure);
            }

            messages = _messages.Take();
        }

        foreach (var (listener, channel, message) in messages)
        {
            listener(channel, message);
        }

        return ValueTask.FromResult(reply);
    }

    public ValueTask PersistAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public Task ListenAsync(IReadOnlyList<string> channels, Action<string, string> onMessage, Action onReconnected, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _messages.Listen(channels, onMessage);
        }

        return Task.CompletedTask;
    }

    public ValueTask PublishAsync(string channel, string message) => ValueTask.CompletedTask;

    public Task<IReadOnlyList<string>> WarningsAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<string>>([$"embedded store: one process on this machine, its files under {_folder}"]);

    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _lua?.Dispose();
            _lua = null;
        }

        return ValueTask.CompletedTask;
    }

    private byte[][] NamesOf(PartitionKeys keys)
    {
        if (!_keys.TryGetValue(keys.Partition, out var names))
        {
            _keys.Add(keys.Partition, names = [.. keys.Names.Select(Encoding.UTF8.GetBytes)]);
        }

        return names;
    }
}
