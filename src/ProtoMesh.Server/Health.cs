using Microsoft.EntityFrameworkCore;
using ProtoMesh.Contracts;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server;

/// <summary>
/// Whether the process lives (<c>/health/live</c>, touches nothing), can serve (<c>/health/ready</c>: the store takes a
/// write, the database answers and the policies are loaded) and what it is (<c>/health</c>).
/// </summary>
internal sealed class Health(
    ScriptStore store, IDbContextFactory<MeshDb> factory, DatabaseChoice database, JournalStatus journal, ActivePolicies policies, IHostApplicationLifetime lifetime,
    TimeProvider time)
{
    private static readonly Script Probe = Script.Named("Store/Lua/probe.lua");
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _looking = new(1, 1);
    private (long At, HealthReport Report)? _last;

    /// <summary>Looks at most once a second, however often it is asked.</summary>
    public async Task<HealthReport> LookAsync(CancellationToken cancellationToken)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return Report("stopping", "stopping");
        }

        await _looking.WaitAsync(cancellationToken);
        try
        {
            if (_last is not { } last || time.GetElapsedTime(last.At) >= Fresh)
            {
                last = (time.GetTimestamp(), Report(await LookAtStoreAsync(cancellationToken), await LookAtDatabaseAsync(cancellationToken)));
                _last = last;
            }

            return last.Report;
        }
        finally
        {
            _looking.Release();
        }
    }

    private async Task<string> LookAtStoreAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Math.Max(1, store.Partitions)).Select(partition =>
                store.RunAsync(Probe, partition, [store.ChannelOf(partition)], cancellationToken).AsTask())).WaitAsync(Patience, time, cancellationToken);
            return "ok";
        }
        catch (StoreException failure)
        {
            return failure.Message;
        }
        catch (TimeoutException)
        {
            return $"The store did not answer within {Patience.TotalSeconds} s.";
        }
    }

    private async Task<string> LookAtDatabaseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await factory.AskAsync((db, enough) => db.Database.ExecuteSqlRawAsync("SELECT 1", enough), Patience, time, cancellationToken);
            return "ok";
        }
        catch (TimeoutException)
        {
            return $"The database did not answer within {Patience.TotalSeconds} s.";
        }
        catch (Exception failure) when (DatabaseProblem.IsOf(failure))
        {
            return DatabaseProblem.Sentence(failure, database);
        }
    }

    private HealthReport Report(string storeState, string databaseState) => new()
    {
        Status = storeState == "ok" && databaseState == "ok" && policies.IsLoaded ? "healthy" : "unhealthy",
        Version = CommandLine.Version,
        Store = new HealthPart { Kind = store.Engine.Kind, State = storeState, Partitions = store.Partitions },
        Database = new HealthPart { Kind = database is DatabaseChoice.Sqlite ? "sqlite" : "postgresql", State = databaseState, JournalLagEvents = journal.Now.LagEvents, JournalLagMs = journal.Now.LagMs },
        Policy = PolicyNow(),
        Access = "open: whoever reaches this address may call everything",
    };

    private HealthPolicy PolicyNow()
    {
        const string Space = ResourceName.DefaultNamespace;
        if (!policies.IsLoaded)
        {
            return new HealthPolicy { State = policies.NotLoadedBecause };
        }

        var active = policies.Of(Space);
        return new HealthPolicy { State = policies.RefusedIn(Space) ?? policies.Refused ?? "ok", Name = active.Set.Name, Version = active.Version, Revision = active.Revision };
    }
}

internal static class HealthSetup
{
    private const string Looks = "It looks at most once a second, however often it is asked.";

    private static readonly AnswerDoc Well = new(200, "All is well.", """
        {
          "status": "healthy", "version": "0.1.0", "store": { "kind": "redis", "state": "ok", "partitions": 1 },
          "database": { "kind": "postgresql", "state": "ok", "journal_lag_events": 0, "journal_lag_ms": 0 },
          "policy": { "state": "ok", "name": "starter", "version": 1, "revision": 0 },
          "access": "open: whoever reaches this address may call everything"
        }
        """);

    private static readonly AnswerDoc Unwell = new(503, "`state` of the store or of the database says what is wrong.", """
        {
          "status": "unhealthy", "version": "0.1.0", "store": { "kind": "redis", "state": "The store did not answer within 2 s.", "partitions": 1 },
          "database": { "kind": "postgresql", "state": "ok", "journal_lag_events": 12, "journal_lag_ms": 2300 },
          "policy": { "state": "ok", "name": "starter", "version": 1, "revision": 0 },
          "access": "open: whoever reaches this address may call everything"
        }
        """);

    public static void AddHealth(this IServiceCollection services) => services.AddSingleton<Health>();

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").WithTags("Health");
        health.MapGet("", LookAsync).WithName("getHealth").Answers<HealthReport>(200).Answers<HealthReport>(503)
            .Documented(new("What it is and how it does", $"Version, store, database, how far the journal is behind and which policy decides in the namespace default. {Looks}") { Answers = [Well, Unwell] });
        health.MapGet("/ready", LookAsync).WithName("getReadiness").Answers<HealthReport>(200).Answers<HealthReport>(503)
            .Documented(new("May it get requests?", $"The store takes a write, the database answers and the policies are loaded. 503 also from the moment it is told to stop. {Looks}") { Answers = [Well, Unwell] });
        health.MapGet("/live", () => TypedResults.Ok()).WithName("getLiveness")
            .Documented(new("Does the process live?", "Touches nothing else. An empty answer.") { Answers = [new(200, "It lives.", [])] });
    }

    private static async Task<IResult> LookAsync(Health health, CancellationToken cancellationToken)
    {
        var report = await health.LookAsync(cancellationToken);
        return TypedResults.Json(report, statusCode: report.Status == "healthy" ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
