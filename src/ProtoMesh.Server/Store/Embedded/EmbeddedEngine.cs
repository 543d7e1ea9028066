using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>The store without a server: one writer in this process, and its files in the data folder.</summary>
/// <remarks>
/// Every run holds one lock from its first command until its effects are in the log, so nothing can come between two
/// commands of a script. Nobody waits for that lock: a caller that finds it taken leaves its call behind, and whoever has
/// the lock serves it before going on. Callers that blocked instead would hand the lock from core to core at each call.
/// </remarks>
internal sealed class EmbeddedEngine : IStoreEngine
{
    private const long RotateAt = 64 * 1024 * 1024;
    /// <summary>How many calls of others one caller serves before it hands the rest over and goes on with its own work.</summary>
    private const int MostServed = 64;
    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<int, byte[][]> _keyNames = [];
    private readonly ConcurrentQueue<Call> _calls = new();
    private readonly Messages _messages = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly TimeProvider _time;
    private readonly ILogger<EmbeddedEngine> _log;
    private readonly string? _path;
    private readonly long _rotateAt;
    private Keyspace _keyspace = new();
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
        Alone(() =>
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
        });
        return Task.CompletedTask;
    }

    public ValueTask<Reply> RunAsync(byte[] sha, PartitionKeys keys, string[] arguments, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_calls.IsEmpty || !_gate.TryEnter())
        {
            var call = new Call(sha, keys, arguments);
            _calls.Enqueue(call);
            Serve();
            return new ValueTask<Reply>(call.Answer.Task);
        }

        Reply reply;
        IReadOnlyList<Message> messages = [];
        try
        {
            reply = Run(sha, keys, arguments);
            messages = _messages.Take();
        }
        finally
        {
            _gate.Exit();
            Serve();
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
        Alone(() => _messages.Listen(channels, onMessage));
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
        Alone(() =>
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
        });

        _stopping.Dispose();
    }

    private LuaHost Lua => _lua ?? throw StoreException.Unavailable("The embedded store is not open.");

    /// <summary>Runs one script and logs what it wrote. For the holder of the lock.</summary>
    private Reply Run(byte[] sha, PartitionKeys keys, string[] arguments)
    {
        if (!Lua.Knows(sha))
        {
            throw new NoScriptException();
        }

        Reply reply;
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
        return reply;
    }

    /// <summary>
    /// Serves the calls that others left behind. Everyone who has had the lock does this after leaving it, so a call that
    /// is left while the lock is taken is always seen: by its owner, who tries the lock after leaving it, or by the holder.
    /// </summary>
    private void Serve()
    {
        var served = 0;
        while (!_calls.IsEmpty && _gate.TryEnter())
        {
            IReadOnlyList<Message> messages;
            try
            {
                while (served < MostServed && _calls.TryDequeue(out var call))
                {
                    served++;
                    try
                    {
                        call.Answer.SetResult(Run(call.Sha, call.Keys, call.Arguments));
                    }
                    catch (Exception failure)
                    {
                        call.Answer.SetException(failure);
                    }
                }

                messages = _messages.Take();
            }
            finally
            {
                _gate.Exit();
            }

            Deliver(messages);
            if (served >= MostServed)
            {
                if (!_calls.IsEmpty)
                {
                    ThreadPool.UnsafeQueueUserWorkItem(static engine => engine.Serve(), this, preferLocal: false);
                }

                return;
            }
        }
    }

    /// <summary>Does something while no script runs.</summary>
    private void Alone(Action action)
    {
        try
        {
            lock (_gate)
            {
                action();
            }
        }
        finally
        {
            Serve();
        }
    }

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
            // The next try may find other files, and must not read them on top of what these had.
            _keyspace = new Keyspace();
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
            Alone(() => _files.Rotate(_keyspace));
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

    /// <summary>A call that somebody else serves.</summary>
    private sealed record Call(byte[] Sha, PartitionKeys Keys, string[] Arguments)
    {
        public TaskCompletionSource<Reply> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
