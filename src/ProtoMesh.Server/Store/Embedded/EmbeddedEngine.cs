using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>The store without a server: one writer in this process, and its files in the data folder.</summary>
/// <remarks>
/// Every run holds one lock from its first command until its effects are in the log. Scripts take microseconds, so a queue
/// of callers at that lock is short, and nothing can come between two commands of a script.
/// </remarks>
internal sealed class EmbeddedEngine : IStoreEngine
{
    private const long RotateAt = 32 * 1024 * 1024;
    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<int, byte[][]> _keyNames = [];
    private readonly Messages _messages = new();
    private readonly Keyspace _keyspace = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly TimeProvider _time;
    private readonly ILogger<EmbeddedEngine> _log;
    private readonly string? _path;
    private readonly long _rotateAt;
    private StoreFolder? _folder;
    private EffectLog? _files;
    private int _disposed;
    private LuaHost? _lua;
    private Task _flushing = Task.CompletedTask;

    public EmbeddedEngine(IOptions<StoreOptions> options, TimeProvider time, ILogger<EmbeddedEngine> log)
        : this(options.Value.DataFolder, time, log, RotateAt)
    {
    }

    /// <param name="dataFolder">Null for a store that keeps nothing on disk.</param>
    /// <param name="rotateAt">How long the log may become, in bytes, before a snapshot takes its place.</param>
    internal EmbeddedEngine(string? dataFolder, TimeProvider time, ILogger<EmbeddedEngine> log, long rotateAt) =>
        (_path, _time, _log, _rotateAt) = (dataFolder is null ? null : Path.Combine(Path.GetFullPath(dataFolder), "store"), time, log, rotateAt);

    public string Kind => "embedded";

    public int DefaultPartitions => 1;

    /// <summary>A store that keeps nothing on disk, for tests and simulations.</summary>
    public static EmbeddedEngine InMemory(TimeProvider time, ILogger<EmbeddedEngine>? log = null) =>
        new(null, time, log ?? NullLogger<EmbeddedEngine>.Instance, RotateAt);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_path is not null)
            {
                OpenFiles(_path);
                _flushing = FlushAgainAndAgainAsync();
            }

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
                try
                {
                    Lua.Load(text);
                }
                catch (LuaFailure failure)
                {
                    throw Failed(failure);
                }
            }
        }

        return Task.CompletedTask;
    }

    public ValueTask<Reply> RunAsync(byte[] sha, PartitionKeys keys, string[] arguments, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Reply reply;
        IReadOnlyList<Message> messages;
        lock (_gate)
        {
            if (!Lua.Knows(sha))
            {
                throw new NoScriptException();
            }

            try
            {
                reply = Lua.Run(sha, NamesOf(keys), arguments);
                if (!_keyspace.Effects.IsEmpty)
                {
                    _files?.Append(_keyspace.Effects);
                }
            }
            catch (Exception failure)
            {
                _keyspace.Rollback();
                _messages.Drop();
                throw Failed(failure);
            }

            _keyspace.Commit();
            _files?.RotateIfDue(_keyspace);
            messages = _messages.Take();
        }

        Deliver(messages);
        return ValueTask.FromResult(reply);
    }

    public ValueTask PersistAsync(CancellationToken cancellationToken)
    {
        try
        {
            Flush();
            return ValueTask.CompletedTask;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            EmbeddedLog.FlushFailed(_log, _path!, failure);
            throw StoreException.Unavailable($"The embedded store could not flush its files under {_path} to the disk: {failure.Message}", failure);
        }
    }

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
        Task.FromResult<IReadOnlyList<string>>([$"embedded store: one process on this machine, its files under {_path ?? "no folder"}"]);

    /// <summary>Also when called again: the store that uses the engine disposes it, and so does the container that made both.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stopping.CancelAsync();
        await _flushing;
        lock (_gate)
        {
            if (_files is not null)
            {
                TryFlush();
                _files.Dispose();
                _files = null;
            }

            _folder?.Dispose();
            _lua?.Dispose();
            _lua = null;
        }

        _stopping.Dispose();
    }

    private LuaHost Lua => _lua ?? throw StoreException.Unavailable("The embedded store is not open.");

    private void OpenFiles(string path)
    {
        try
        {
            var started = _time.GetTimestamp();
            _folder = new StoreFolder(path);
            _files = new EffectLog(_folder, _keyspace, _rotateAt, _log);
            EmbeddedLog.Opened(_log, path, _keyspace.Count, (long)_time.GetElapsedTime(started).TotalMilliseconds);
        }
        catch (Exception failure)
        {
            _folder?.Dispose();
            if (failure is IOException or UnauthorizedAccessException)
            {
                throw StoreException.Unavailable($"The embedded store cannot use the folder {path} (Store:DataFolder): {failure.Message}", failure);
            }

            throw;
        }
    }

    private async Task FlushAgainAndAgainAsync()
    {
        using var timer = new PeriodicTimer(FlushInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token))
            {
                TryFlush();
            }
        }
        catch (OperationCanceledException)
        {
            // The store is closing, and flushes once more by itself.
        }
    }

    private void TryFlush()
    {
        try
        {
            Flush();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            EmbeddedLog.FlushFailed(_log, _path!, failure);
        }
    }

    private void Flush()
    {
        if (_files is { IsDoubtful: true })
        {
            lock (_gate)
            {
                _files.Rotate(_keyspace);
            }
        }

        _files?.Flush();
    }

    private StoreException Failed(Exception failure)
    {
        switch (failure)
        {
            case IOException or UnauthorizedAccessException:
                EmbeddedLog.WriteFailed(_log, _path!, failure);
                return StoreException.Unavailable($"The embedded store could not write under {_path}, and changed nothing: {failure.Message}", failure);
            case LuaFailure:
                EmbeddedLog.ScriptFailed(_log, failure.Message);
                return StoreException.Unavailable("The store could not carry the request out, and changed nothing. The server's log says why.");
            default:
                EmbeddedLog.ScriptFailed(_log, failure.ToString());
                return StoreException.Unavailable("The store could not carry the request out, and changed nothing. The server's log says why.", failure);
        }
    }

    private void Deliver(IReadOnlyList<Message> messages)
    {
        foreach (var message in messages)
        {
            try
            {
                message.Listener(message.Channel, message.Text);
            }
            catch (Exception failure)
            {
                // The run was answered and stored; a listener's own failure must not make it look failed.
                EmbeddedLog.ListenerFailed(_log, message.Channel, failure);
            }
        }
    }

    private byte[][] NamesOf(PartitionKeys keys)
    {
        if (!_keyNames.TryGetValue(keys.Partition, out var names))
        {
            _keyNames.Add(keys.Partition, names = [.. keys.Names.Select(Encoding.UTF8.GetBytes)]);
        }

        return names;
    }
}
