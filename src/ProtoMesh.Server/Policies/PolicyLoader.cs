using Microsoft.Extensions.Options;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>A policy that is to decide cannot be loaded, so the service does not start. The message is one sentence.</summary>
internal sealed class BrokenPolicyException(string message) : InvalidOperationException(message);

/// <summary>
/// Loads what is activated before the service answers, and keeps looking: SQL is what every replica can see, so a change
/// reaches all of them without a message. A database that is away changes nothing here.
/// </summary>
internal sealed partial class PolicyLoader(
    ActivePolicies policies, PolicyStore store, PolicyFile file, NamespaceLoader namespaces, DatabaseMigrator migrator, DatabaseChoice database,
    IHostApplicationLifetime lifetime, IOptions<PolicyOptions> options, TimeProvider time, ILogger<PolicyLoader> log) : BackgroundService
{
    /// <summary>How long a start waits for its database before it listens without: the checks are refused until it answers.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>The newest revision of each namespace that was looked at, taken or refused; used in turns only.</summary>
    private readonly Dictionary<string, long> _seen = new(StringComparer.Ordinal);
    private PolicySet? _fromFile;
    private string? _said;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        _fromFile = await file.ReadAsync(cancellationToken);
        await migrator.Tried.WaitAsync(Patience, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        if (migrator.Ready.IsCompletedSuccessfully)
        {
            await TryRefreshAsync(cancellationToken);
        }
        else
        {
            policies.NotLoadedBecause = $"The policies have not been read yet. {migrator.Problem}";
        }

        await base.StartAsync(cancellationToken);
    }

    /// <summary>Brings this replica up to date now.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (!policies.IsLoaded && _fromFile is not null)
            {
                await file.ActivateAsync(_fromFile, cancellationToken);
            }

            await LoadAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Takes over what was activated through this replica.</summary>
    public async Task ApplyAsync(PolicyActivationRow row, PolicySet set)
    {
        await _turn.WaitAsync();
        try
        {
            // A look at the database may have been faster, or have found a still newer one.
            if (_seen.GetValueOrDefault(row.Namespace) < row.Revision)
            {
                Take(row, new ActivePolicy(set, row.Version, row.Revision));
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrator.Ready.WaitAsync(stoppingToken);
        var period = TimeSpan.FromMilliseconds(options.Value.RefreshMs);
        try
        {
            for (var isFirst = !policies.IsLoaded; ; isFirst = false)
            {
                await (isFirst ? Task.CompletedTask : Task.Delay(period, time, stoppingToken));
                await TryRefreshAsync(stoppingToken);
            }
        }
        catch (BrokenPolicyException problem)
        {
            // The database came after the start; what the start would have refused ends the service now.
            LogBroken(log, problem.Message);
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }
    }

    /// <summary>A database that does not answer is said once, until it answers again.</summary>
    private async Task TryRefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RefreshAsync(cancellationToken);
            if (_said is not null)
            {
                LogBack(log);
                _said = null;
            }
        }
        catch (Exception problem) when (problem is not BrokenPolicyException && !cancellationToken.IsCancellationRequested)
        {
            var sentence = DatabaseProblem.Sentence(problem, database);
            policies.NotLoadedBecause = $"The policies have not been read yet. {sentence}";
            if (_said != sentence)
            {
                _said = sentence;
                LogAway(log, sentence);
            }
        }
    }

    /// <summary>What a stored version says, or why this replica cannot use it.</summary>
    private async Task<(ActivePolicy? Active, string? Refusal)> ReadAsync(PolicyActivationRow row, CancellationToken cancellationToken)
    {
        if (BuiltInPolicies.Named(row.Name) is { } builtIn)
        {
            return (builtIn with { Revision = row.Revision }, null);
        }

        var version = await store.VersionAsync(row.Namespace, row.Name, row.Version, cancellationToken);
        if (version is null)
        {
            return (null, $"The active policy of namespace {row.Namespace}, {row.Name} version {row.Version}, is not in the database.");
        }

        var load = PolicySet.Load(version.Document);
        return load.Set is null
            ? (null, $"The active policy of namespace {row.Namespace}, {row.Name} version {row.Version}, cannot be used: {PolicyErrors.Sentence(load, $"{row.Name}.yaml")}")
            : load.Set.Sha256 != row.Sha256
                ? (null, $"The active policy of namespace {row.Namespace}, {row.Name} version {row.Version}, is not the document that was activated: its digest is {load.Set.Sha256}.")
                : (new ActivePolicy(load.Set, row.Version, row.Revision), null);
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        var isStart = !policies.IsLoaded;
        var revisions = await store.RevisionsAsync(cancellationToken);
        var news = revisions.Where(revision => !_seen.TryGetValue(revision.Key, out var seen) || seen != revision.Value).Select(revision => revision.Key).ToList();
        foreach (var space in news)
        {
            var row = (await store.ActiveAsync(space, cancellationToken))!;
            var (active, refusal) = await ReadAsync(row, cancellationToken);
            if (active is not null)
            {
                Take(row, active);
            }
            else if (isStart)
            {
                throw new BrokenPolicyException($"{refusal} Start the version of the service that activated it, or restore the database.");
            }
            else
            {
                Refuse(row, refusal!);
            }
        }

        if (isStart)
        {
            // Else a namespace whose default is to deny would be decided by the starter until its settings are read.
            await namespaces.RefreshAsync(cancellationToken);
            policies.MarkLoaded();
        }
    }

    private void Take(PolicyActivationRow row, ActivePolicy active)
    {
        _seen[row.Namespace] = row.Revision;
        policies.Apply(row.Namespace, active);
        LogLoaded(log, row.Name, row.Version, row.Namespace, row.Revision);
    }

    private void Refuse(PolicyActivationRow row, string refusal)
    {
        _seen[row.Namespace] = row.Revision;
        policies.Refuse(row.Namespace, refusal);
        LogRefused(log, refusal);
    }

    [LoggerMessage(3101, LogLevel.Information, "The policy {Name} version {Version} decides in namespace {Space}; revision {Revision}.")]
    private static partial void LogLoaded(ILogger log, string name, int version, string space, long revision);

    [LoggerMessage(3102, LogLevel.Error, "{Refusal} The one before it goes on deciding.")]
    private static partial void LogRefused(ILogger log, string refusal);

    [LoggerMessage(3106, LogLevel.Critical, "{Sentence}")]
    private static partial void LogBroken(ILogger log, string sentence);

    [LoggerMessage(3103, LogLevel.Warning, "Changes of policies cannot be seen; what is loaded goes on deciding. {Sentence}")]
    private static partial void LogAway(ILogger log, string sentence);

    [LoggerMessage(3104, LogLevel.Information, "Changes of policies can be seen again.")]
    private static partial void LogBack(ILogger log);
}
