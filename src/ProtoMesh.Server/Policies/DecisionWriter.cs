using System.Data;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Policies;

/// <summary>Writes decisions to SQL in batches. A database that is away keeps them waiting, as many as fit; a stop writes what is left.</summary>
internal sealed partial class DecisionWriter(
    DecisionLog decisions, IDbContextFactory<MeshDb> factory, DatabaseMigrator migrator, DatabaseChoice database, TimeProvider time,
    ILogger<DecisionWriter> log) : BackgroundService
{
    private const int BatchSize = 256;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    /// <summary>How long a stop waits for a database.</summary>
    private static readonly TimeSpan LastChance = TimeSpan.FromSeconds(5);

    /// <summary>A repetition after an unknown end of a commit finds its rows there.</summary>
    private static readonly RowInsert<DecisionRow> Insert = new("decisions", "ON CONFLICT (decision_id) DO NOTHING",
        ("decision_id", DbType.String, row => row.DecisionId),
        ("at", DbType.DateTime, row => row.At),
        ("namespace", DbType.String, row => row.Namespace),
        ("agent_id", DbType.String, row => row.AgentId),
        ("action", DbType.String, row => row.Action),
        ("resource", DbType.String, row => row.Resource),
        ("policy_name", DbType.String, row => row.PolicyName),
        ("policy_version", DbType.Int32, row => row.PolicyVersion),
        ("policy_sha256", DbType.String, row => row.PolicySha256),
        ("decision", DbType.String, row => row.Decision),
        ("would", DbType.String, row => row.Would),
        ("dry_run", DbType.Boolean, row => row.DryRun),
        ("rules", DbType.String, row => row.Rules),
        ("inputs", DbType.String, row => row.Inputs),
        ("facts", DbType.String, row => row.Facts),
        ("reasons", DbType.String, row => row.Reasons),
        ("latency_us", DbType.Int64, row => row.LatencyUs));

    private readonly CancellationTokenSource _patience = new();
    private IReadOnlyList<DecisionRow> _batch = [];
    private string? _said;

    /// <summary>The requests have ended before: what is here by then is all there will be.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _patience.CancelAfter(LastChance);
        await base.StopAsync(cancellationToken);
        try
        {
            while (migrator.Ready.IsCompletedSuccessfully && (_batch.Count > 0 || decisions.Pending.TryPeek(out _)) && await TryWriteAsync())
            {
            }
        }
        catch (OperationCanceledException)
        {
            // What is left is counted below.
        }

        if (_batch.Count + decisions.Pending.Count is > 0 and var left)
        {
            LogLost(log, left);
        }
    }

    public override void Dispose()
    {
        _patience.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrator.Ready.WaitAsync(stoppingToken);
        var pause = FirstPause;
        while (!stoppingToken.IsCancellationRequested && (_batch.Count > 0 || await decisions.Pending.WaitToReadAsync(stoppingToken)))
        {
            if (await TryWriteAsync())
            {
                pause = FirstPause;
                continue;
            }

            await Task.Delay(pause, time, stoppingToken);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>One batch; false when it has to be tried again. A stop does not break it off, only the end of its patience does.</summary>
    private async Task<bool> TryWriteAsync()
    {
        var cancellationToken = _patience.Token;
        if (_batch.Count == 0)
        {
            _batch = Take();
        }

        try
        {
            await using var db = await factory.CreateDbContextAsync(cancellationToken);
            await db.Database.OpenConnectionAsync(cancellationToken);
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            await Insert.RunAsync(db, _batch, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            var sentence = DatabaseProblem.Sentence(problem, database);
            if (_said is null)
            {
                LogAway(log, DecisionLog.Capacity, sentence);
            }

            _said = sentence;
            return false;
        }

        _batch = [];
        if (_said is not null)
        {
            _said = null;
            LogBack(log, decisions.Dropped);
        }

        return true;
    }

    private List<DecisionRow> Take()
    {
        var rows = new List<DecisionRow>();
        while (rows.Count < BatchSize && decisions.Pending.TryRead(out var pending))
        {
            try
            {
                rows.Add(DecisionRecord.RowOf(pending));
            }
            catch (Exception failure)
            {
                // One that cannot be written must not hold up the others.
                decisions.Drop(1);
                LogUnwritable(log, pending.Decision.DecisionId, failure);
            }
        }

        return rows;
    }

    [LoggerMessage(3201, LogLevel.Warning, "Decisions cannot be written down now; up to {Capacity} wait, further ones are dropped and counted. {Sentence}")]
    private static partial void LogAway(ILogger log, int capacity, string sentence);

    [LoggerMessage(3202, LogLevel.Information, "Decisions are written down again; {Dropped} were dropped since the start.")]
    private static partial void LogBack(ILogger log, long dropped);

    [LoggerMessage(3203, LogLevel.Warning, "The service stops with {Left} decisions that could not be written down.")]
    private static partial void LogLost(ILogger log, int left);

    [LoggerMessage(3204, LogLevel.Error, "The decision {DecisionId} cannot be written down; it is counted as dropped.")]
    private static partial void LogUnwritable(ILogger log, string decisionId, Exception failure);
}
