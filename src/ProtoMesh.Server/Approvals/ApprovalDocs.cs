using Microsoft.OpenApi;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Server.Approvals;

/// <summary>What the document says of the calls about approvals.</summary>
internal static class ApprovalDocs
{
    private const string Fields = """
        "approval_id": "019b3a60-1f20-7c44-a5b1-2d3e4f506172", "namespace": "default", "agent_id": "deploy-agent",
            "action": "prod.deploy", "resource": "service/checkout", "metadata": { "version": "2.4.1" }, "reason": "fixes the tax rounding",
            "rules": [{ "rule": "humans-first", "at": "prod-guard.yaml:14:12", "message": "Rule humans-first requires an approval, always" }],
            "policy": { "name": "prod-guard", "version": 3, "sha256": "4f1c0d0a5f1f9d8c7b6a59483726150413223140f0e1d2c3b4a5968778695a4b" },
            "group": "ops", "quorum": 1, "digest": "9d0f5a7c1e2b3d4f60718293a4b5c6d7e8f9010203040506070809101112131f",
            "requested_at": "2026-03-01T18:00:00.000Z", "expires_at": "2026-03-01T19:00:00.000Z"
        """;

    private const string Pending = $$"""
        {
          {{Fields}}, "state": "pending", "votes": [], "expires_in_ms": 3600000, "waits_behind": 2
        }
        """;

    private const string Approved = $$"""
        {
          {{Fields}}, "state": "approved", "expires_in_ms": 0, "decided_at": "2026-03-01T18:04:00.000Z", "valid_until": "2026-03-01T19:04:00.000Z",
          "votes": [{ "approver": "Ada (5f0c2a91d3e4b687)", "vote": "approve", "comment": "go", "at": "2026-03-01T18:04:00.000Z" }]
        }
        """;

    private const string Denied = $$"""
        {
          {{Fields}}, "state": "denied", "expires_in_ms": 0, "decided_at": "2026-03-01T18:04:00.000Z", "ended_by": "Ada (5f0c2a91d3e4b687)",
          "votes": [{ "approver": "Ada (5f0c2a91d3e4b687)", "vote": "deny", "comment": "after the release", "at": "2026-03-01T18:04:00.000Z" }]
        }
        """;

    private static readonly ParameterDoc Id = new("approval_id", "The `approval_id` of a decision or of a list.", Example: "019b3a60-1f20-7c44-a5b1-2d3e4f506172");

    private static readonly OpenApiSchema States = new() { Type = JsonSchemaType.String, Enum = [.. ApprovalState.All.Select(state => (System.Text.Json.Nodes.JsonNode)state)] };

    public static OperationDoc Request { get; } = new(
        "Ask people for a yes",
        """
        Decides the action as a check does and, when a rule asks for an approval, opens one without taking anything. A check and a request for a lease
        that need an approval open one too, so this is for asking ahead. Asking again for the same thing answers the same approval; asking for the same
        action and resource with other metadata replaces it.

        **Try it:** the policy that comes with the service asks nobody, so the answer is `approval_not_needed` until one is active that has a rule with
        `effect: require_approval`.
        """)
    {
        Bodies = [new("deploy", "A deployment", """{ "agent_id": "deploy-agent", "action": "prod.deploy", "resource": "service/checkout", "metadata": { "version": "2.4.1" }, "reason": "fixes the tax rounding" }""")],
        Answers = [new(200, "It is asked already: this one waits, or was approved and not used.", Pending), new(201, "Asked.", Pending)],
    };

    public static OperationDoc List { get; } = new("What waits for a decision?", "Newest first, in every state unless `state` says which. An agent sees its own.")
    {
        Parameters = By(
            new("state", "Only in this state.", States), new("agent_id", "Only of this agent."), new("group", "Only those that this group decides."), new("action", "Only for this action."),
            new("namespace", "Only in this namespace. Absent: all of them.")),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", $$"""{ "approvals": [{{Pending}}] }""")],
    };

    public static OperationDoc Find { get; } = new(
        "What became of a request?",
        "What is asked, by whom, which rule asks and where it stands, and how many wait for the resource behind it. Reading decides nothing. With `Prefer: wait=N` it is held open while it is pending.")
    {
        Parameters = By(Id),
        Headers = [ParameterDoc.Prefer(0)],
        Answers = [new(200, "The approval.", Pending)],
    };

    public static OperationDoc Approve { get; } = new(
        "Say yes",
        """
        With keys it takes one of the approval's group, and never the one that asked; without keys anybody may, by naming himself in `approver`.
        Once enough different people have said yes, the request may be made once, with `approval_id`, within `valid_ms`. With `metadata` another request
        is approved than the one that was asked: the policy decides it again, earlier votes are void, and only that one may be made.
        """)
    {
        Parameters = By(Id),
        Bodies =
        [
            new("yes", "Yes, as it is asked", """{ "approver": "ada", "comment": "go" }"""),
            new("edit", "Yes, but another version", """{ "approver": "ada", "metadata": { "version": "2.4.0" } }"""),
        ],
        Answers = [new(200, "Counted: `approved`, or `pending` while others have to say yes too.", Approved)],
    };

    public static OperationDoc Deny { get; } = new("Say no", "One no ends it, however many have said yes.")
    {
        Parameters = By(Id),
        Bodies = [new("no", "No", """{ "approver": "ada", "comment": "after the release" }""")],
        Answers = [new(200, "Denied.", Denied)],
    };

    public static OperationDoc Cancel { get; } = new("Take a request back", "For whoever asked, while nobody has decided.")
    {
        Parameters = By(Id),
        Bodies = [new("cancel", "It says nothing", "{}")],
        Answers = [new(200, "Cancelled.", $$"""{ {{Fields}}, "state": "cancelled", "votes": [], "expires_in_ms": 0, "decided_at": "2026-03-01T18:04:00.000Z" }""")],
    };

    public static OperationDoc Revoke { get; } = new("Take a yes back", "While it was not used. Of a revocation and a use at the same time one wins, and the other is told.")
    {
        Parameters = By(Id),
        Bodies = [new("revoke", "It is not wanted any more", """{ "approver": "ada", "comment": "the release is off" }""")],
        Answers = [new(200, "Revoked.", $$"""{ {{Fields}}, "state": "revoked", "votes": [], "expires_in_ms": 0, "decided_at": "2026-03-01T18:04:00.000Z", "ended_by": "ada" }""")],
    };

    public static Dictionary<string, ParameterDoc> By(params ParameterDoc[] parameters) => parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
}
