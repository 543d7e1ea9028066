using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;
using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Conformance.Running;

/// <summary>The ops about keys, budgets and approvals as calls of the client.</summary>
internal static class AccessOperations
{
    public static async Task<Result> OfKeysAsync(KeysClient keys, string what, JsonObject args, CancellationToken stop) => what switch
    {
        "create" => Of(await keys.CreateAsync(Text(args, "role")!, KeyOf(args), stop)),
        "list" => await Operations.ListedAsync(keys.ListAsync(Text(args, "namespace"), stop), args),
        "get" => Of(await keys.GetAsync(Text(args, "key_id")!, stop)),
        "rotate" => Of(await keys.RotateAsync(Text(args, "key_id")!, Arguments.Span(args["overlap_ms"]), stop)),
        "revoke" => Of(await keys.RevokeAsync(Text(args, "key_id")!, stop)),
        _ => throw new ScenarioFailure($"this runner does not know the op keys.{what}"),
    };

    public static async Task<Result> OfBudgetsAsync(BudgetsClient budgets, string what, JsonObject args, CancellationToken stop)
    {
        var (name, key, space, id, actual) = (Text(args, "name")!, Text(args, "key"), Text(args, "namespace"), Text(args, "reservation_id")!, (long?)args["actual"]);
        return what switch
        {
            "reserve" => Of(await ReserveAsync(budgets, args, stop)),
            "get" => Of(await budgets.GetAsync(id, space, stop)),
            "commit" => Of(await (Wire.Read<TokenUsage>(args["usage"]) is { } usage
                ? budgets.CommitAsync(id, usage, actual, space, stop)
                : budgets.CommitAsync(id, actual!.Value, space, stop))),
            "release" => Of(await budgets.ReleaseAsync(id, space, stop)),
            "list" => Of(await budgets.ListAsync(space, stop)),
            "usage" => Of(await budgets.UsageAsync(name, key, space, stop)),
            "ledger" => await Operations.ListedAsync(budgets.LedgerAsync(name, key, id, space, stop), args),
            "top_up" => Of(await budgets.TopUpAsync(name, (long)args["amount"]!, Text(args, "reason")!, key, Text(args, "top_up_id"), space, stop)),
            "rebuild" => Of(await budgets.RebuildAsync(name, key, space, stop)),
            "prices" => Of(await budgets.PricesAsync(stop)),
            _ => throw new ScenarioFailure($"this runner does not know the op budgets.{what}"),
        };
    }

    public static async Task<Result> OfApprovalsAsync(ApprovalsClient approvals, string what, JsonObject args, CancellationToken stop)
    {
        var (id, comment, approver, space) = (Text(args, "approval_id")!, Text(args, "comment"), Text(args, "approver"), Text(args, "namespace"));
        return what switch
        {
            "request" => Of(await RequestAsync(approvals, args, stop)),
            "get" => Of(await approvals.GetAsync(id, stop)),
            "wait" => Of(await approvals.WaitAsync(id, Arguments.Span(args["timeout_ms"])!.Value, stop)),
            "list" => await Operations.ListedAsync(
                approvals.ListAsync(Text(args, "state"), Text(args, "agent_id"), Text(args, "group"), Text(args, "action"), space, stop), args),
            "approve" => Of(await approvals.ApproveAsync(id, comment, Metadata(args), Text(args, "digest"), Arguments.Span(args["valid_ms"]), approver, stop)),
            "deny" => Of(await approvals.DenyAsync(id, comment, approver, stop)),
            "cancel" => Of(await approvals.CancelAsync(id, stop)),
            "revoke" => Of(await approvals.RevokeAsync(id, comment, approver, stop)),
            "grant" => Of(await approvals.GrantAsync(
                Text(args, "group")!, Text(args, "action")!, Arguments.Span(args["expires_in_ms"])!.Value, (int)args["uses"]!, GrantOf(args), stop)),
            "grants" => await Operations.ListedAsync(approvals.GrantsAsync(space, stop), args),
            "revoke_grant" => Of(await approvals.RevokeGrantAsync(Text(args, "grant_id")!, comment, approver, stop)),
            _ => throw new ScenarioFailure($"this runner does not know the op approvals.{what}"),
        };
    }

    private static Task<Reservation> ReserveAsync(BudgetsClient budgets, JsonObject args, CancellationToken stop)
    {
        var names = Wire.Read<string[]>(args["budgets"])!;
        var options = new ReserveOptions
        {
            ReservationId = Text(args, "reservation_id"),
            Hold = Arguments.Span(args["hold_ms"]),
            RunId = Text(args, "run_id"),
            Metadata = Metadata(args),
            AgentId = Text(args, "agent_id"),
            Namespace = Text(args, "namespace"),
        };
        return Wire.Read<TokenUsage>(args["estimate"]) is { } estimate
            ? budgets.ReserveAsync(names, estimate, options, stop)
            : budgets.ReserveAsync(names, (long)args["amount"]!, options, stop);
    }

    private static Task<Contracts.Approvals.Approval> RequestAsync(ApprovalsClient approvals, JsonObject args, CancellationToken stop)
    {
        var options = new ApprovalOptions
        {
            Metadata = Metadata(args),
            RunId = Text(args, "run_id"),
            Reason = Text(args, "reason"),
            AgentId = Text(args, "agent_id"),
            Namespace = Text(args, "namespace"),
        };
        return Wire.Read<string[]>(args["resources"]) is { } several
            ? approvals.RequestAsync(Text(args, "action")!, several, options, stop)
            : approvals.RequestAsync(Text(args, "action")!, Text(args, "resource"), options, stop);
    }

    private static KeyOptions KeyOf(JsonObject args) => new()
    {
        Name = Text(args, "name"),
        Comment = Text(args, "comment"),
        Namespace = Text(args, "namespace"),
        AgentId = Text(args, "agent_id"),
        AgentPrefix = Text(args, "agent_prefix"),
        Team = Text(args, "team"),
        Labels = Wire.Read<Dictionary<string, string>>(args["labels"]),
        Groups = Wire.Read<string[]>(args["groups"]),
        MaxPriority = (int?)args["max_priority"],
        MaxTtl = Arguments.Span(args["max_ttl_ms"]),
        ExpiresAt = Wire.Read<DateTimeOffset?>(args["expires_at"]),
    };

    private static GrantOptions GrantOf(JsonObject args) => new()
    {
        AgentId = Text(args, "agent_id"),
        Resource = Text(args, "resource"),
        Condition = Text(args, "condition"),
        Comment = Text(args, "comment"),
        Approver = Text(args, "approver"),
        Namespace = Text(args, "namespace"),
    };

    private static JsonObject? Metadata(JsonObject args) => args["metadata"]?.DeepClone() as JsonObject;

    private static string? Text(JsonObject args, string name) => (string?)args[name];

    private static Result Of<T>(T answer) => new(Wire.Of(answer));
}
