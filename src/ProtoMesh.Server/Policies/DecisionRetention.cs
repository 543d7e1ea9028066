using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Policies;

/// <summary>Deletes decisions that are older than <c>Policies:DecisionRetentionDays</c>, a few at a time.</summary>
internal sealed partial class DecisionRetention(
    IDbContextFactory<MeshDb> factory, DatabaseMigrator migrator, DatabaseChoice database, IOptions<PolicyOptions> options, TimeProvider time,
    ILogger<DecisionRetention> log) : BackgroundService
{
    /// <summary>A small transaction: the writer of new decisions waits for it.</summary>
    private const int BatchSize = 1_000;
    private static readonly TimeSpan Period = TimeSpan.FromHours(1);
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(50);

    /// <summary>Deletes what is due now.</summary>
    /// <returns>How many decisions.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow().UtcDateTime.AddDays(-options.Value.DecisionRetentionDays);
        for (var deleted = 0; ;)
        {
            await using var db = await factory.CreateDbContextAsync(cancellationToken);

            // Ids begin with the time, so only the lowest need a look and no index on the time is kept.
            var oldest = db.Set<DecisionRow>().OrderBy(row => row.DecisionId).Take(BatchSize);
            var batch = await oldest.Where(row => row.At < before).Select(row => row.DecisionId).ToListAsync(cancellationToken);
            if (batch.Count > 0)
            {
                deleted += await db.Set<DecisionRow>().Where(row => batch.Contains(row.DecisionId)).ExecuteDeleteAsync(cancellationToken);
            }

            if (batch.Count < BatchSize)
            {
                return deleted;
            }

            await Task.Delay(Breath, time, cancellationToken);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrator.Ready.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                if (await SweepAsync(stoppingToken) is > 0 and var deleted)
                {
                    LogDeleted(log, deleted, options.Value.DecisionRetentionDays);
                }
            }
            catch (Exception problem) when (DatabaseProblem.IsOf(problem))
            {
                LogFailed(log, DatabaseProblem.Sentence(problem, database));
            }

            await Task.Delay(Period, time, stoppingToken);
        }
    }

    [LoggerMessage(3205, LogLevel.Information, "{Deleted} decisions older than {Days} days were deleted.")]
    private static partial void LogDeleted(ILogger log, int deleted, int days);

    [LoggerMessage(3206, LogLevel.Warning, "Old decisions could not be deleted; tried again in an hour. {Sentence}")]
    private static partial void LogFailed(ILogger log, string sentence);
}
