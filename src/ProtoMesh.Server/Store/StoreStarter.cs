namespace ProtoMesh.Server.Store;

/// <summary>Connects and opens the store in the background, again and again until it can: a service whose store is away still answers.</summary>
internal sealed partial class StoreStarter(ScriptStore store, StoreMessages messages, TimeProvider time, ILogger<StoreStarter> log) : BackgroundService
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = TimeSpan.FromMilliseconds(100);
        string? said = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (store.Partitions == 0)
                {
                    await store.StartAsync(stoppingToken);
                }

                await messages.StartAsync(stoppingToken);
                await store.OpenAsync(stoppingToken);
                LogOpen(log, store.Engine.Kind, store.Partitions);
                foreach (var warning in await store.Engine.WarningsAsync(stoppingToken))
                {
                    LogWarning(log, warning);
                }

                return;
            }
            catch (StoreException failure)
            {
                if (said != failure.Message)
                {
                    LogClosed(log, failure.Message);
                    said = failure.Message;
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    [LoggerMessage(1004, LogLevel.Information, "The {Kind} store is open with {Partitions} partition(s).")]
    private static partial void LogOpen(ILogger log, string kind, int partitions);

    [LoggerMessage(1005, LogLevel.Error, "The store cannot be used yet and is tried again: {Reason}")]
    private static partial void LogClosed(ILogger log, string reason);

    [LoggerMessage(1006, LogLevel.Warning, "{Warning}")]
    private static partial void LogWarning(ILogger log, string warning);
}
