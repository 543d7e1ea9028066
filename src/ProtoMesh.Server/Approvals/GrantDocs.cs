using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Approvals;

/// <summary>What the document says of the calls about standing grants.</summary>
internal static class GrantDocs
{
    private const string Fields = """
        "grant_id": "019b3a70-0a1b-7c2d-8e3f-405162738495", "namespace": "default", "group": "ops", "agent_id": "deploy-agent",
            "action": "staging.deploy", "resource": "service/checkout", "uses": 20, "comment": "during the rehearsal", "by": "ada",
            "created_at": "2026-03-01T09:00:00.000Z", "expires_at": "2026-03-02T09:00:00.000Z"
        """;

    public static OperationDoc Create { get; } = new(
        "Say yes in advance",
        """
        For exactly this action, on exactly this resource, as often as `uses` says and until it lapses. A request that a rule wants approved is then allowed at
        once, when every rule that asks is content with one yes of this group and the condition holds. The condition is CEL over what the rules of the
        active policy see. Whoever gives it cannot use it.
        """)
    {
        Bodies =
        [
            new("rehearsal", "For one agent, for a day", """{ "group": "ops", "agent_id": "deploy-agent", "action": "staging.deploy", "resource": "service/checkout", "expires_in_ms": 86400000, "uses": 20, "approver": "ada", "comment": "during the rehearsal" }"""),
            new("condition", "Only at night", """{ "group": "ops", "action": "staging.deploy", "condition": "now.getHours('Europe/Berlin') >= 22", "expires_in_ms": 86400000, "uses": 5, "approver": "ada" }"""),
        ],
        Answers = [new(201, "Given.", $$"""{ {{Fields}}, "state": "active", "used": 0, "expires_in_ms": 86400000 }""")],
    };

    public static OperationDoc List { get; } = new("What is allowed in advance?", "Newest first, also what has lapsed, was revoked or is used up. An agent sees those for itself and for anybody.")
    {
        Parameters = ApprovalDocs.By(new ParameterDoc("namespace", "Only in this namespace. Absent: all of them.")),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", $$"""{ "grants": [{ {{Fields}}, "state": "active", "used": 3, "expires_in_ms": 43200000 }] }""")],
    };

    public static OperationDoc Revoke { get; } = new("Take a yes in advance back", "From now on nothing is allowed by it.")
    {
        Parameters = ApprovalDocs.By(new ParameterDoc("grant_id", "The `grant_id` of a list.", Example: "019b3a70-0a1b-7c2d-8e3f-405162738495")),
        Bodies = [new("revoke", "It ends now", """{ "approver": "ada" }""")],
        Answers = [new(200, "Revoked.", $$"""{ {{Fields}}, "state": "revoked", "used": 3, "expires_in_ms": 43200000, "revoked_at": "2026-03-01T21:00:00.000Z", "revoked_by": "ada" }""")],
    };
}
