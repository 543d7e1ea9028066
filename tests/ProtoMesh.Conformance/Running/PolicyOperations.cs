using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Running;

/// <summary>The ops about policies as calls of the client.</summary>
internal static class PolicyOperations
{
    public static async Task<Result> RunAsync(PoliciesClient policies, string what, JsonObject args, Lease? lease, CancellationToken stop)
    {
        string? Text(string name) => (string?)args[name];
        var (name, space, dryRun) = (Text("name")!, Text("namespace"), (bool?)args["dry_run"] ?? false);
        return what switch
        {
            "check" => Of(await policies.CheckAsync(Check(args, lease), dryRun, stop)),
            "check_batch" => Of(await policies.CheckBatchAsync([.. args["checks"]!.AsArray().Select(check => Check(check!.AsObject(), null))], dryRun, stop)),
            "validate" => Of(await policies.ValidateAsync(Document(args), stop)),
            "put" => Of(await policies.PutAsync(name, Document(args), Text("author"), Text("comment"), space, stop)),
            "list" => Of(await policies.ListAsync(space, cancellationToken: stop)),
            "versions" => await Operations.ListedAsync(policies.VersionsAsync(name, space, stop), args),
            "get" => Of(await policies.GetAsync(name, (int)args["version"]!, space, stop)),
            "activate" => Of(await policies.ActivateAsync(name, (int)args["version"]!, Revision(args["if_match"]), Text("by"), space, stop)),
            "diff" => Of(await policies.DiffAsync(name, (int)args["from"]!, (int)args["to"]!, space, stop)),
            "decisions" => await Operations.ListedAsync(
                policies.DecisionsAsync(Text("agent_id"), Text("action"), Text("decision"), Text("policy"), space, stop), args),
            "decision" => Of(await policies.DecisionAsync(Text("decision_id")!, stop)),
            _ => throw new ScenarioFailure($"this runner does not know the op policies.{what}"),
        };
    }

    private static Result Of<T>(T answer) => new(Wire.Of(answer));

    private static PolicyCheck Check(JsonObject args, Lease? lease) => new()
    {
        Action = (string)args["action"]!,
        Resource = (string?)args["resource"],
        Metadata = args["metadata"]?.DeepClone() as JsonObject,
        Lease = lease,
        FencingToken = (long?)args["fencing_token"],
        AgentId = (string?)args["agent_id"],
        RequestId = (string?)args["request_id"],
        Namespace = (string?)args["namespace"],
        RunId = (string?)args["run_id"],
        ApprovalId = (string?)args["approval_id"],
    };

    /// <summary>A text, or its lines.</summary>
    private static string Document(JsonObject args) =>
        args["document"] is JsonArray lines ? string.Concat(lines.Select(line => $"{line}\n")) : (string)args["document"]!;

    private static long? Revision(JsonNode? ifMatch) => ifMatch?.ToString() == "*" ? null : (long?)ifMatch;
}
