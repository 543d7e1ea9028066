using Microsoft.EntityFrameworkCore;
using ProtoMesh.Contracts;
using ProtoMesh.Server.Access;
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
    ScriptStore store, IDbContextFactory<MeshDb> factory, DatabaseChoice database, JournalStatus journal, ActivePolicies policies, KeyRing keys, IHostApplicationLifetime lifetime,
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
        Status = storeState == "ok" && databaseState == "ok" && policies.IsLoaded && keys.Mode != AccessMode.Unknown ? "healthy" : "unhealthy",
        Version = CommandLine.Version,
        Store = new HealthPart { Kind = store.Engine.Kind, State = storeState, Partitions = store.Partitions },
        Database = new HealthPart { Kind = database is DatabaseChoice.Sqlite ? "sqlite" : "postgresql", State = databaseState, JournalLagEvents = journal.Now.LagEvents, JournalLagMs = journal.Now.LagMs },
        Policy = PolicyOf(null),
        Auth = keys.Mode switch { AccessMode.Open => "open", AccessMode.Keys => "keys", _ => "unknown" },
        Access = keys.Mode switch
        {
            AccessMode.Open => "open: whoever reaches this address may call everything",
            AccessMode.Keys => "keys: every call needs one",
            _ => keys.NotLoadedBecause,
        },
    };

    /// <summary>What a caller may see: who is in one namespace is told of that one alone.</summary>
    public HealthReport For(HealthReport report, Caller caller) => report with
    {
        Policy = caller.Namespace is { } space ? PolicyOf(space) : report.Policy,
        Keys = keys.Mode == AccessMode.Keys ? new HealthKeys { Known = caller.Namespace is null ? keys.Keys.Count : null, RefusedCalls = keys.Refused } : null,
    };

    /// <summary>Whether <c>/health/ready</c> tells nothing but its status.</summary>
    public bool IsBrief => keys.Mode != AccessMode.Open;

    private HealthPolicy PolicyOf(string? space)
    {
        var named = space ?? ResourceName.DefaultNamespace;
        if (!policies.IsLoaded)
        {
            return new HealthPolicy { State = policies.NotLoadedBecause };
        }

        var active = policies.Of(named);
        return new HealthPolicy { State = policies.RefusedIn(named) ?? (space is null ? policies.Refused : null) ?? "ok", Name = active.Set.Name, Version = active.Version, Revision = active.Revision };
    }
}

/// <summary>The answer of <c>/health/ready</c> when there are keys: it is for anybody, so it tells no more.</summary>
internal sealed record HealthStatus
{
    public required string Status { get; init; }
}

internal static class HealthSetup
{
    private const string Looks = "It looks at most once a second, however often it is asked.";

    private static readonly AnswerDoc Well = new(200, "All is well.", """
        {
          "status": "healthy", "version": "0.1.0", "store": { "kind": "redis", "state": "ok", "partitions": 1 },
          "database": { "kind": "postgresql", "state": "ok", "journal_lag_events": 0, "journal_lag_ms": 0 },
          "policy": { "state": "ok", "name": "starter", "version": 1, "revision": 0 },
          "auth": "open", "access": "open: whoever reaches this address may call everything"
        }
        """);

    private static readonly AnswerDoc Unwell = new(503, "`state` of the store or of the database says what is wrong.", """
        {
          "status": "unhealthy", "version": "0.1.0", "store": { "kind": "redis", "state": "The store did not answer within 2 s.", "partitions": 1 },
          "database": { "kind": "postgresql", "state": "ok", "journal_lag_events": 12, "journal_lag_ms": 2300 },
          "policy": { "state": "ok", "name": "starter", "version": 1, "revision": 0 },
          "auth": "open", "access": "open: whoever reaches this address may call everything"
        }
        """);

    public static void AddHealth(this IServiceCollection services) => services.AddSingleton<Health>();

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").WithTags("Health");
        health.MapGet("", LookAsync).Needs(Scopes.HealthRead).WithName("getHealth").Answers<HealthReport>(200).Answers<HealthReport>(503)
            .Documented(new("What it is and how it does", $"Version, store, database, how far the journal is behind and which policy decides in the namespace default. {Looks}") { Answers = [Well, Unwell] });
        health.MapGet("/ready", ReadyAsync).NeedsNoKey().WithName("getReadiness").Answers<HealthReport>(200).Answers<HealthReport>(503)
            .Documented(new("May it get requests?", $"The store takes a write, the database answers and the policies are loaded. 503 also from the moment it is told to stop. With keys it answers `status` alone, to anybody. {Looks}") { Answers = [Well, Unwell] });
        health.MapGet("/live", () => TypedResults.Ok()).NeedsNoKey().WithName("getLiveness")
            .Documented(new("Does the process live?", "Touches nothing else. An empty answer.") { Answers = [new(200, "It lives.", [])] });
    }

    private static async Task<IResult> LookAsync(HttpContext context, Health health, CancellationToken cancellationToken)
    {
        var report = await health.LookAsync(cancellationToken);
        return Of(health.For(report, Caller.Of(context)), report.Status);
    }

    private static async Task<IResult> ReadyAsync(Health health, CancellationToken cancellationToken)
    {
        var report = await health.LookAsync(cancellationToken);
        return health.IsBrief ? Of(new HealthStatus { Status = report.Status }, report.Status) : Of(report, report.Status);
    }

    private static IResult Of<T>(T body, string status) =>
        TypedResults.Json(body, statusCode: status == "healthy" ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
}
