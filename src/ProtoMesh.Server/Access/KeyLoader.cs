using Microsoft.Extensions.Options;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Access;

/// <summary>
/// Reads the keys and the settings of namespaces before the service answers, and keeps looking: SQL is what every replica can see, so what one of them
/// makes or revokes reaches all without a message. A database that is away changes nothing here.
/// </summary>
internal sealed partial class KeyLoader(
    KeyRing ring, KeyStore store, NamespaceLoader namespaces, DatabaseMigrator migrator, DatabaseChoice database, IOptions<AccessOptions> options, TimeProvider time, ILogger<KeyLoader> log) : BackgroundService
{
    /// <summary>How long a start waits for its database before it listens without: calls are refused until it answers.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Used in turns only.</summary>
    private readonly Dictionary<string, KeyUse> _uses = new(StringComparer.Ordinal);
    private long? _seen;
    private bool _isBootstrapped;
    private string? _said;
    private long _refusedSaid;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await migrator.Tried.WaitAsync(Patience, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        if (migrator.Ready.IsCompletedSuccessfully)
        {
            await TryRefreshAsync(cancellationToken);
        }
        else
        {
            ring.NotLoadedBecause = $"The keys have not been read yet. {migrator.Problem}";
        }

        await base.StartAsync(cancellationToken);
    }

    /// <summary>Brings this replica up to date now.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (!_isBootstrapped)
            {
                await BootstrapAsync(cancellationToken);
                _isBootstrapped = true;
            }

            // Before the keys: nobody is let in where it is not known yet what holds there.
            await namespaces.RefreshAsync(cancellationToken);
            await LoadAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (ring.Mode == AccessMode.Keys)
        {
            await TryAsync(() => KeepUsesAsync(cancellationToken), cancellationToken);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrator.Ready.WaitAsync(stoppingToken);
        var period = TimeSpan.FromMilliseconds(options.Value.RefreshMs);
        var kept = time.GetTimestamp();
        for (var isFirst = ring.Mode == AccessMode.Unknown; ; isFirst = false)
        {
            await (isFirst ? Task.CompletedTask : Task.Delay(period, time, stoppingToken));
            await TryRefreshAsync(stoppingToken);
            if (time.GetElapsedTime(kept) >= Minute)
            {
                kept = time.GetTimestamp();
                SayRefused();
                await TryAsync(() => KeepUsesAsync(stoppingToken), stoppingToken);
            }
        }
    }

    private async Task BootstrapAsync(CancellationToken cancellationToken)
    {
        if (options.Value.BootstrapKey is not { Length: > 0 } text || !KeyText.TryRead(text, out var idText, out var secret))
        {
            return;
        }

        var (id, sha256) = (idText.ToString(), KeyText.Digest(secret));
        switch (await store.CreateFirstAsync(id, sha256, cancellationToken))
        {
            case FirstKey.Made:
                LogBootstrapped(log, id);
                break;
            case FirstKey.OtherSecret:
                LogOtherSecret(log, id);
                break;
            case FirstKey.NotNeeded:
                LogNotNeeded(log, id);
                break;
        }
    }

    private Task TryRefreshAsync(CancellationToken cancellationToken) => TryAsync(() => RefreshAsync(cancellationToken), cancellationToken);

    /// <summary>A database that does not answer is said once, until it answers again.</summary>
    private async Task TryAsync(Func<Task> work, CancellationToken cancellationToken)
    {
        try
        {
            await work();
            if (_said is not null)
            {
                LogBack(log);
                _said = null;
            }
        }
        catch (Exception problem) when (!cancellationToken.IsCancellationRequested)
        {
            var sentence = DatabaseProblem.Sentence(problem, database);
            ring.NotLoadedBecause = $"The keys have not been read yet. {sentence}";
            if (_said != sentence)
            {
                _said = sentence;
                LogAway(log, sentence);
            }
        }
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        var state = await store.StateAsync(cancellationToken);
        if (state.Revision == _seen)
        {
            return;
        }

        // A lower revision is that of a restored database: what it does not know is not good any more.
        var isAnew = _seen is null || state.Revision < _seen;
        var rows = await store.ChangedAsync(isAnew ? -1 : _seen!.Value, cancellationToken);
        var keys = isAnew ? new Dictionary<string, AccessKey>(StringComparer.Ordinal) : new Dictionary<string, AccessKey>(ring.Keys, StringComparer.Ordinal);
        foreach (var row in rows)
        {
            if (!_uses.TryGetValue(row.KeyId, out var use))
            {
                _uses[row.KeyId] = use = new KeyUse { Written = row.LastUsedAt?.Ticks ?? 0 };
            }

            keys[row.KeyId] = use.Now = new AccessKey(row, use);
        }

        var before = ring.Mode;
        ring.Swap(state.ClosedAt is not null || keys.Count > 0, keys);
        _seen = state.Revision;
        if (before == ring.Mode)
        {
            return;
        }

        if (ring.Mode == AccessMode.Open)
        {
            LogOpen(log);
        }
        else
        {
            LogKeys(log, keys.Count);
        }
    }

    private async Task KeepUsesAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var used = _uses.Where(use => use.Value.LastUsed > use.Value.Written).Select(use => (use.Key, Use: use.Value, At: use.Value.LastUsed)).ToList();
            await store.UsedAsync([.. used.Select(use => (use.Key, new DateTime(use.At, DateTimeKind.Utc)))], cancellationToken);
            used.ForEach(use => use.Use.Written = use.At);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>One line a minute however many there were: whoever tries keys must not fill the log.</summary>
    private void SayRefused()
    {
        var refused = ring.Refused;
        if (refused > _refusedSaid)
        {
            LogRefused(log, refused - _refusedSaid);
            _refusedSaid = refused;
        }
    }

    [LoggerMessage(7001, LogLevel.Warning, "The service is open: there is no key yet, and whoever reaches its address may call everything. Set Auth:BootstrapKey, or run `keys bootstrap`, to close it.")]
    private static partial void LogOpen(ILogger log);

    [LoggerMessage(7002, LogLevel.Information, "Every call needs a key; {Count} keys are known.")]
    private static partial void LogKeys(ILogger log, int count);

    [LoggerMessage(7003, LogLevel.Warning, "The key {KeyId} of Auth:BootstrapKey is an admin key now.")]
    private static partial void LogBootstrapped(ILogger log, string keyId);

    [LoggerMessage(7004, LogLevel.Warning, "Auth:BootstrapKey is not used: the key {KeyId} has another secret by now.")]
    private static partial void LogOtherSecret(ILogger log, string keyId);

    [LoggerMessage(7005, LogLevel.Warning, "Auth:BootstrapKey is not used: there is an admin key already, and {KeyId} is not among the keys.")]
    private static partial void LogNotNeeded(ILogger log, string keyId);

    [LoggerMessage(7006, LogLevel.Warning, "{Count} calls without a good key were refused in the last minute.")]
    private static partial void LogRefused(ILogger log, long count);

    [LoggerMessage(7007, LogLevel.Warning, "Changes of keys and namespaces cannot be seen; what is known goes on being good. {Sentence}")]
    private static partial void LogAway(ILogger log, string sentence);

    [LoggerMessage(7008, LogLevel.Information, "Changes of keys and namespaces can be seen again.")]
    private static partial void LogBack(ILogger log);
}
