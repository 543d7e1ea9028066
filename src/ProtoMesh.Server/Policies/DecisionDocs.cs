using Microsoft.OpenApi;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>What the document says of the decision log.</summary>
internal static class DecisionDocs
{
    private const string Columns = """
        "decision_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d", "at": "2026-03-01T09:00:00.000Z", "namespace": "default", "agent_id": "billing-agent",
        "action": "spend", "policy": { "name": "starter", "version": 1, "sha256": "4f1c0d0a5f1f9d8c7b6a59483726150413223140f0e1d2c3b4a5968778695a4b" },
        "decision": "deny", "would": "deny", "dry_run": false, "rules": ["spend-limit"], "latency_us": 180
        """;

    public static OperationDoc List { get; } = new(
        "What was decided?",
        """
        Newest first. Every deny and every approval is kept, and the allows as `Policies:AllowSample` and `AllowsPerSecond` say (all of them, up to 100 a second). A decision appears here a moment after it was
        answered. `dropped` counts those that could not be kept.
        """)
    {
        Parameters = new[]
        {
            new ParameterDoc("namespace", "Only this namespace. Absent: all of them."), new ParameterDoc("agent_id", "Only this agent's."),
            new ParameterDoc("action", "Only this action."), new ParameterDoc("policy", "Only decisions of the policy of this name."),
            new ParameterDoc("decision", "Only `allow`, `deny` or `require_approval`.", new OpenApiSchema { Type = JsonSchemaType.String, Enum = ["allow", "deny", "require_approval"] }),
        }.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", $$"""{ "decisions": [{ {{Columns}} }], "dropped": 0 }""")],
    };

    public static OperationDoc Find { get; } = new(
        "Why was it decided so?", "Everything that the rules saw and said: enough to evaluate the same version again and to come to the same result.")
    {
        Parameters = new Dictionary<string, ParameterDoc>(StringComparer.Ordinal) { ["decision_id"] = new("decision_id", "The `decision_id` of an answer.") },
        Answers =
        [
            new(200, "The decision.", $$"""
                {
                  {{Columns}},
                  "inputs": {
                    "request_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6e", "now": "2026-03-01T09:00:00Z", "agent": { "id": "billing-agent", "role": "junior", "roles": ["junior"], "team": "default" },
                    "action": "spend", "resources": [{ "resource": { "team": "default", "labels": {} }, "lock": { "held": false, "mine": false, "waiters": 0 } }],
                    "metadata": { "estimated_cost": 500 }, "has_fencing_token": false, "metadata_sent": { "estimated_cost": 500, "agent_role": "junior" }
                  },
                  "facts": { "agent.role": "claimed", "agent.team": "default", "resource.team": "default" },
                  "reasons": [{ "rule": "spend-limit", "code": "SPEND_LIMIT", "effect": "deny", "message": "Cost $500 exceeds limit $100 for role junior", "at": "starter.yaml:16:12" }],
                  "audit_only": []
                }
                """),
        ],
    };
}
