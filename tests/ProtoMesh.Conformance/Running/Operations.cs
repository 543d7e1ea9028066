using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Conformance.Running;

/// <summary>What an op gave: its result in wire form, and the lease or guard itself.</summary>
internal sealed record Result(JsonNode? Value, object? Thing = null);

/// <summary>The ops of the scenarios as calls of the client.</summary>
internal static class Operations
{
    private static readonly Result None = new((JsonNode?)null);

    /// <param name="client">The actor's.</param>
    /// <param name="op">Its name.</param>
    /// <param name="args">Its arguments, all names replaced.</param>
    /// <param name="on">The lease or guard that it is about.</param>
    /// <param name="names">For what is told while it runs.</param>
    /// <param name="stop">The caller gives up.</param>
    public static Task<Result> RunAsync(MeshClient client, string op, JsonObject args, object? on, Names names, CancellationToken stop) => op.Split('.') switch
    {
        ["lease", var what] => OfLeaseAsync(LeaseOf(on), what, args, stop),
        ["policies", var what] => PolicyOperations.RunAsync(client.Policies, what, args, on is null ? null : LeaseOf(on), stop),
        ["keys", var what] => AccessOperations.OfKeysAsync(client.Keys, what, args, stop),
        ["budgets", var what] => AccessOperations.OfBudgetsAsync(client.Budgets, what, args, stop),
        ["approvals", var what] => AccessOperations.OfApprovalsAsync(client.Approvals, what, args, stop),
        ["guard", "enter"] => EnterAsync(client, args, names, stop),
        ["guard", "spent"] => Task.FromResult(Spend(GuardOf(on).Guard, args)),
        ["guard", "exit"] => ExitAsync(GuardOf(on), args),
        ["guard", "state"] => Task.FromResult(new Result(Wire.Of(GuardOf(on).Guard))),
        ["events", var what] => EventsAsync(client, what, args, stop),
        _ => OfClientAsync(client, op, args, names, stop),
    };

    private static async Task<Result> OfClientAsync(MeshClient client, string op, JsonObject args, Names names, CancellationToken stop)
    {
        var (locks, resource, space) = (client.Locks, Text(args, "resource")!, Text(args, "namespace"));
        return op switch
        {
            "acquire" => Of(await (Several(args) is { } several
                ? locks.AcquireAsync(several, Arguments.Lease(args, names), stop)
                : locks.AcquireAsync(resource, Arguments.Lease(args, names), stop))),
            "try_acquire" => Of(await (Several(args) is { } several
                ? locks.TryAcquireAsync(several, Arguments.Lease(args, names), stop)
                : locks.TryAcquireAsync(resource, Arguments.Lease(args, names), stop))),
            "dry_run" => Of(await (Several(args) is { } several
                ? locks.DryRunAsync(several, Arguments.Lease(args, names), stop)
                : locks.DryRunAsync(resource, Arguments.Lease(args, names), stop))),
            "get" => Of(await locks.GetAsync(Text(args, "lock_id")!, stop)),
            "explain" => Of(await locks.ExplainAsync(Text(args, "lock_id")!, stop)),
            "cancel" => Of(await locks.CancelAsync(Text(args, "lock_id")!, stop)),
            "list" => await ListedAsync(locks.ListAsync(Text(args, "state"), Text(args, "agent_id"), Text(args, "type"), space, stop), args),
            "queue" => Of(await locks.QueueAsync(resource, space, cancellationToken: stop)),
            "resources" => await ListedAsync(locks.ResourcesAsync(space, stop), args),
            "history" => await ListedAsync(locks.HistoryAsync(resource, space, stop), args),
            "cancel_request" => Of(await locks.CancelRequestAsync(Text(args, "request_id")!, resource, space, stop)),
            "reprioritize" => Of(await locks.ReprioritizeAsync(Text(args, "lock_id")!, (int)args["priority"]!, stop)),
            "force_release" => Of(await locks.ForceReleaseAsync(resource, Text(args, "reason")!, (bool?)args["immediate"] ?? false, space, stop)),
            "attach" => Of(await client.AttachAsync(Ticket.Parse(args["ticket"]!.ToJsonString()), stop)),
            "fences.validate" => Of(await client.Fences.ValidateAsync(resource, (long)args["fencing_token"]!, space, stop)),
            "health" => Of(await client.HealthAsync(stop)),
            "held" => new Result(new JsonArray([.. client.Held.OrderBy(lease => lease.FencingToken).Select(lease => Wire.Of(lease))])),
            _ => throw new ScenarioFailure($"this runner does not know the op {op}"),
        };
    }

    private static async Task<Result> OfLeaseAsync(Lease lease, string what, JsonObject args, CancellationToken stop)
    {
        switch (what)
        {
            case "renew":
                await lease.RenewAsync(stop);
                return Of(lease);
            case "release":
                await lease.ReleaseAsync(Text(args, "note"), stop);
                return None;
            case "transfer":
                return Of(await lease.TransferAsync(Text(args, "to_agent_id")!, Text(args, "to_session_id"), stop));
            case "report_progress":
                lease.ReportProgress(Text(args, "text")!);
                return None;
            case "ticket":
                return new Result(JsonNode.Parse(lease.Ticket().ToJson()));
            case "state":
                return Of(lease);
            case "wait_lost":
                return await LostAsync(lease, stop);
            case "check":
                lease.ThrowIfLost();
                return None;
            case "close":
                await lease.DisposeAsync();
                return None;
            default:
                throw new ScenarioFailure($"this runner does not know the op lease.{what}");
        }
    }

    private static async Task<Result> LostAsync(Lease lease, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost, stop);
        await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.ThrowIfCancellationRequested();
        return Of(lease);
    }

    private static async Task<Result> EnterAsync(MeshClient client, JsonObject args, Names names, CancellationToken stop)
    {
        var action = Text(args, "action")!;
        var guard = new HeldGuard(Several(args) is { } several
            ? await client.GuardAsync(action, several, Arguments.Guard(args, names), stop)
            : await client.GuardAsync(action, Text(args, "resource"), Arguments.Guard(args, names), stop));
        return new Result(Wire.Of(guard.Guard), guard);
    }

    private static Result Spend(Guard guard, JsonObject args)
    {
        if (Wire.Read<TokenUsage>(args["usage"]) is { } usage)
        {
            guard.Spent(usage, (long?)args["actual"], Text(args, "reservation_id"));
        }
        else
        {
            guard.Spent((long)args["actual"]!, Text(args, "reservation_id"));
        }

        return None;
    }

    private static async Task<Result> ExitAsync(HeldGuard guard, JsonObject args)
    {
        await guard.ExitAsync((bool?)args["failed"] ?? false);
        return None;
    }

    private static Task<Result> EventsAsync(MeshClient client, string what, JsonObject args, CancellationToken stop)
    {
        var filter = new EventFilter { Resource = Text(args, "resource"), AgentId = Text(args, "agent_id"), Type = Text(args, "type"), Namespace = Text(args, "namespace") };
        var after = (long?)args["last_event_id"];
        return ListedAsync(what == "list" ? client.Events.ListAsync(filter, after, stop) : client.Events.StreamAsync(filter, after, stop), args);
    }

    public static async Task<Result> ListedAsync<T>(IAsyncEnumerable<T> items, JsonObject args)
    {
        var list = new JsonArray();
        var most = (int?)args["n"] ?? int.MaxValue;
        await foreach (var item in items)
        {
            list.Add(Wire.Of(item));
            if (list.Count >= most)
            {
                break;
            }
        }

        return new Result(list);
    }

    public static string? Text(JsonObject args, string name) => (string?)args[name];

    private static Result Of(Lease? lease) => lease is null ? None : new Result(Wire.Of(lease), lease);

    private static Result Of<T>(T answer) => new(Wire.Of(answer));

    private static IReadOnlyList<ResourceRequest>? Several(JsonObject args) => Wire.Read<IReadOnlyList<ResourceRequest>>(args["resources"]);

    private static Lease LeaseOf(object? on) => on switch
    {
        Lease lease => lease,
        HeldGuard { Guard.Lease: { } lease } => lease,
        _ => throw new ScenarioFailure("the step is about no lease"),
    };

    private static HeldGuard GuardOf(object? on) => on as HeldGuard ?? throw new ScenarioFailure("the step is about no guard");
}
