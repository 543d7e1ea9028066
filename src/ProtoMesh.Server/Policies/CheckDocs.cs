using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>What the document says of the questions. Every first body can be sent as it is.</summary>
internal static class CheckDocs
{
    private const string Denied = """
        {
          "decision_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d", "decision": "deny", "allowed": false, "reason": "Cost $500 exceeds limit $100 for role junior",
          "policy": { "name": "starter", "version": 1, "sha256": "4f1c0d0a5f1f9d8c7b6a59483726150413223140f0e1d2c3b4a5968778695a4b" },
          "reasons": [{
            "rule": "spend-limit", "code": "SPEND_LIMIT", "effect": "deny", "message": "Cost $500 exceeds limit $100 for role junior", "at": "starter.yaml:17:12",
            "values": { "metadata.estimated_cost": 500, "agent.role": "junior", "params.limits": { "senior": 1000, "admin": 10000 }, "params.limit": 100 }, "to_change": ["metadata.estimated_cost <= 100"]
          }],
          "facts": { "agent.role": "claimed", "agent.team": "default", "resource.team": "default" }, "audit_only": []
        }
        """;

    private const string Allowed = """
        {
          "decision_id": "019b3a53-0c11-7d3a-8b2e-6f5a4d3c2b1a", "decision": "allow", "allowed": true, "reason": "All policies passed",
          "policy": { "name": "starter", "version": 1, "sha256": "4f1c0d0a5f1f9d8c7b6a59483726150413223140f0e1d2c3b4a5968778695a4b" },
          "reasons": [], "facts": { "agent.role": "claimed", "agent.team": "default", "resource.team": "default" }, "audit_only": [], "valid_until": "2026-03-01T09:01:00.000Z"
        }
        """;

    private static readonly ParameterDoc DryRun = new("dry_run", "`true` decides without taking anything: no place in a rate.");

    public static OperationDoc Check { get; } = new(
        "Ask whether an action is allowed",
        """
        Asks before something risky: the policy that is active in the namespace answers `allow`, `deny` or `require_approval`, with every reason, the
        values that it saw, and in `to_change` what would change the answer. An allow holds until `valid_until`. A deny is an answer, so it is 200 too.

        While the service runs without keys, role and team are what the caller says in `metadata.agent_role`, `agent_team` and `resource_team`;
        `facts` marks them as `claimed`.

        **Try it:** Execute; the answer is a deny. Set `estimated_cost` as `to_change` says, and Execute again.
        """)
    {
        Parameters = new Dictionary<string, ParameterDoc>(StringComparer.Ordinal) { ["dry_run"] = DryRun },
        Bodies =
        [
            new("over", "Too expensive: Execute, then do as to_change says", """{ "agent_id": "billing-agent", "action": "spend", "metadata": { "estimated_cost": 500, "agent_role": "junior" } }"""),
            new("under", "Allowed", """{ "agent_id": "billing-agent", "action": "spend", "metadata": { "estimated_cost": 50, "agent_role": "junior" } }"""),
            new("lock", "A write that requires the lock", """{ "agent_id": "billing-agent", "action": "customer.update", "resource": "customer/123" }"""),
            new("team", "Another team's resource", """{ "agent_id": "support-agent", "action": "read", "metadata": { "agent_team": "support", "resource_team": "finance" } }"""),
        ],
        Answers = [new(200, "The decision.", [new("deny", "Denied", Denied), new("allow", "Allowed", Allowed)])],
    };

    public static OperationDoc CheckBatch { get; } = new(
        "Ask about many actions",
        "1 to 100 checks, each decided alone and in this order. One result each: a decision, or the problem that the single call would have answered.")
    {
        Parameters = new Dictionary<string, ParameterDoc>(StringComparer.Ordinal) { ["dry_run"] = DryRun },
        Bodies = [new("two", "Two checks", """{ "checks": [{ "agent_id": "billing-agent", "action": "spend", "metadata": { "estimated_cost": 50 } }, { "agent_id": "billing-agent", "action": "customer.update", "resource": "customer/123" }] }""")],
        Answers = [new(200, "One result for each check.", $$"""{ "results": [{ "decision": {{Allowed}} }, { "decision": {{Denied}} }] }""")],
    };
}
