namespace ProtoMesh.Tests.Policies;

/// <summary>Documents that several tests use.</summary>
internal static class Documents
{
    /// <summary>The example with which the format is explained.</summary>
    public const string Example = """
        apiVersion: protomesh.dev/policy/v1
        name: prod-guard
        defaults: { effect: deny, on_error: deny, mode: enforce }        # mode: enforce | audit, for the set or a rule
        params:  { limits: { junior: 100, senior: 1000, admin: 10000 } }
        metadata: { estimated_cost: { type: number, min: 0 } }            # the untrusted input, typed; NaN, negative, text are refused
        rules:
          - id: spend-limit
            actions: [spend, "purchase.*"]
            when: "!(agent.role in params.limits) || metadata.estimated_cost > params.limits[agent.role]"
            effect: deny
            code: SPEND_LIMIT
            message: "'cost $' + string(metadata.estimated_cost) + ' is over the limit of role ' + agent.role"
          - id: team-access
            actions: ["*"]
            when: "resource.team != agent.team && !('admin' in agent.roles)"
            effect: deny
          - id: hold-the-lock
            actions: ["file.write", "customer.update"]
            require: { lock: { resource: "resource.name", mode: exclusive, min_remaining_ms: 2000 } }
          - id: pace
            actions: ["email.send"]
            require: { rate: { key: "agent.id", limit: 20, window: 1m } }
          - id: humans-first
            actions: ["prod.deploy"]
            when: "now.getHours('Europe/Berlin') >= 18"
            effect: require_approval
            approvers: { group: ops, quorum: 1, expires: 1h }
          - id: default-allow
            actions: ["*"]
            effect: allow
        tests:
          - name: junior over the limit
            given: { agent: { role: junior }, action: spend, metadata: { estimated_cost: 101 } }
            expect: { decision: deny, rules: [spend-limit] }
        """;

    /// <summary>A document with the rules given, and whatever comes before them.</summary>
    public static string With(string rules, string head = "", string tests = "") => $"""
        apiVersion: protomesh.dev/policy/v1
        name: test
        {head}
        rules:
        {rules}
        {tests}
        """;
}
