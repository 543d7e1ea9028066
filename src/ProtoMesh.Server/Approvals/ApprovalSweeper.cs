using Microsoft.Extensions.Options;
using ProtoMesh.Server.Approvals.Webhooks;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Approvals;

/// <summary>Ends what nobody reads: expired requests and lapsed approvals, on every replica, each of them once.</summary>
internal sealed partial class ApprovalSweeper(
    ApprovalStore store, ApprovalTerms terms, WebhookOutbox outbox, DatabaseMigrator migrator, DatabaseChoice database, IOptions<ApprovalOptions> options, TimeProvider time, ILogger<ApprovalSweeper> log)
    : BackgroundService
{
    private const int Most = 100;
    private string? _said;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrator.Ready.WaitAsync(stoppingToken);
        while (true)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(options.Value.SweepMs), time, stoppingToken);
            try
            {
                await SweepAsync(stoppingToken);
                await outbox.ForgetAsync(stoppingToken);
                _said = null;
            }
            catch (Exception problem) when (!stoppingToken.IsCancellationRequested)
            {
                var sentence = problem is StoreException ? problem.Message : DatabaseProblem.Sentence(problem, database);
                if (_said != sentence)
                {
                    _said = sentence;
                    LogAway(log, sentence);
                }
            }
        }
    }

    /// <summary>Looks once, and ends all that are due.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var due in await store.DueAsync(Most, cancellationToken))
        {
            await terms.SettleAsync(due, cancellationToken);
        }
    }

    [LoggerMessage(8101, LogLevel.Warning, "Approvals that are over cannot be marked so; they cannot be used all the same. {Sentence}")]
    private static partial void LogAway(ILogger log, string sentence);
}
