using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Journal;

/// <summary>Deletes events that are older than <c>Journal:RetentionDays</c>, a few at a time.</summary>
internal sealed partial class JournalRetention(
    IDbContextFactory<MeshDb> factory, DatabaseMigrator migrator, DatabaseChoice database, IOptions<JournalOptions> options, TimeProvider time,
    ILogger<JournalRetention> log) : BackgroundService
{
    /// <summary>A small transaction: the writer of new events waits for it.</summary>
    private const int BatchSize = 1_000;
    private static readonly TimeSpan Period = TimeSpan.FromHours(1);
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(50);

    /// <summary>Deletes what is due now.</summary>
    /// <returns>How many events.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow().UtcDateTime.AddDays(-options.Value.RetentionDays);
        for (var deleted = 0; ;)
        {
            await using var db = await factory.CreateDbContextAsync(cancellationToken);

            // Ids follow time closely, so only the oldest need a look and no index on the time is kept.
            var oldest = db.Set<JournalRow>().OrderBy(row => row.Id).Take(BatchSize);
            var batch = await oldest.Where(row => row.At < before).Select(row => row.Id).ToListAsync(cancellationToken);
            if (batch.Count > 0)
            {
                deleted += await db.Set<JournalRow>().Where(row => batch.Contains(row.Id)).ExecuteDeleteAsync(cancellationToken);
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
                    LogDeleted(log, deleted, options.Value.RetentionDays);
                }
            }
            catch (Exception problem) when (DatabaseProblem.IsOf(problem))
            {
                LogFailed(log, DatabaseProblem.Sentence(problem, database));
            }

            await Task.Delay(Period, time, stoppingToken);
        }
    }

    [LoggerMessage(4005, LogLevel.Information, "{Deleted} events older than {Days} days were deleted from the journal.")]
    private static partial void LogDeleted(ILogger log, int deleted, int days);

    [LoggerMessage(4006, LogLevel.Warning, "Old events could not be deleted from the journal; tried again in an hour. {Sentence}")]
    private static partial void LogFailed(ILogger log, string sentence);
}
