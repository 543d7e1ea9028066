using ProtoMesh.Server.Store;
using Microsoft.OpenApi;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Locks;

/// <summary>What the document says of this room's calls. Every first body can be sent as it is.</summary>
internal static class LockDocs
{
    private const string TokenOnce = "Put the `fencing_token` of the grant's answer in place of the example's.";

    private static readonly ParameterDoc Id = new("id", "The `lock_id` of an answer: `{request_id}.{partition}`.");
    private static readonly ParameterDoc Namespace = new(
        "namespace", "Only this namespace. Absent: all of them.", new OpenApiSchema { Type = JsonSchemaType.String, Pattern = LockSchemas.NamespacePattern });

    private static readonly ParameterDoc Type = new("type", "Only resources of this type, the part before the first `/`.");

    public static OperationDoc Acquire { get; } = new(
        "Acquire a lease, or queue for it",
        """
        Asks for one resource or several at once. Free: 200 with a lease and its `fencing_token`. Taken: 202 with the place in
        the queue, who blocks and why; the waiter then calls `/wait` within `call_again_within_ms` or is dropped. With `wait_ms` 0
        it only tries, and a taken resource is 409 `lock_held`.

        The `request_id` makes a repetition harmless: the same id for the same resources, modes, agent and session is the same request,
        and gets its present state. Sent without one, each call is a new request.

        **Try it:** Execute twice. The first answer is `granted`; the second queues behind it at position 1. With `dry_run=true`
        the answer is the verdict, and nothing is changed.
        """)
    {
        Parameters = By(new ParameterDoc("dry_run", "`true` tells what would happen now, without the effect: 200 with `granted_now`, `position` and `blocked_by`.")),
        Headers = [ParameterDoc.Prefer(0)],
        Bodies =
        [
            new("lease", "An exclusive lease: Execute twice", """{ "resource": "customer/123", "agent_id": "billing-agent", "ttl_ms": 60000, "wait_ms": 60000, "reason": "refund #42" }"""),
            new("try", "Only try", """{ "resource": "customer/123", "agent_id": "support-agent", "wait_ms": 0 }"""),
            new("urgent", "Ahead of the others", """{ "resource": "customer/123", "agent_id": "fraud-agent", "priority": 9, "reason": "chargeback" }"""),
            new("repeatable", "With an id of its own: a repetition is the same request", """{ "request_id": "nightly-report-1", "resource": "report/nightly", "agent_id": "report-agent", "session_id": "run-7" }"""),
            new("slots", "One of five slots", """{ "resource": "api/search", "mode": "slots", "capacity": 5, "units": 1, "agent_id": "search-agent" }"""),
            new("several", "Several resources, all or none", """{ "resources": ["account/1", { "resource": "account/2", "mode": "shared" }], "agent_id": "transfer-agent", "labels": { "team": "payments" } }"""),
        ],
        Answers =
        [
            new(200, "Granted; or the verdict of a dry run.", [new("granted", "Granted", LockExamples.Granted), new("dry_run", "Verdict of a dry run", LockExamples.Verdict)], typeof(DryRunVerdict)),
            new(202, "Queued. `Location` is the request, `Retry-After` when to ask again.", LockExamples.Queued),
        ],
    };

    public static OperationDoc Wait { get; } = new(
        "Wait for the grant",
        "The owner's poll: keeps the waiter alive and claims the grant. Held open until the state changes or the time of `Prefer` is over. Whoever only looks uses `GET /v1/locks/{id}`, which has no effect.")
    {
        Parameters = By(Id),
        Headers = [ParameterDoc.Prefer(8)],
        Answers = [new(200, "Granted.", LockExamples.Granted), new(202, "Still queued; call again within `call_again_within_ms`.", LockExamples.Queued)],
    };

    public static OperationDoc Renew { get; } = new(
        "Renew a lease",
        $"Moves the end of the lease to `ttl_ms` from now, never nearer and never past `hold_ends_at`. The answer tells who waits, so that a polite holder can yield. {TokenOnce}")
    {
        Parameters = By(Id),
        Bodies =
        [
            new("renew", "Renew", """{ "fencing_token": 1763712000123456, "ttl_ms": 60000 }"""),
            new("progress", "Renew and say how far", """{ "fencing_token": 1763712000123456, "progress": "3 of 7 invoices" }"""),
        ],
        Answers = [new(200, "Renewed.", LockExamples.Renewed)],
    };

    public static OperationDoc RenewMany { get; } = new(
        "Renew many leases",
        "One call for 1 to 1,000 leases. One result each, in the order of the call: the renewal, or the problem that the single call would have answered.")
    {
        Bodies = [new("renew", "Two leases", """{ "locks": [{ "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "fencing_token": 1763712000123456 }, { "lock_id": "019b3a51-0000-7000-8000-000000000000.0", "fencing_token": 1763711990000000, "ttl_ms": 60000 }] }""")],
        Answers = [new(200, "One result for each lease.", LockExamples.RenewResults)],
    };

    public static OperationDoc Release { get; } = new(
        "Release a lease", $"Ends the lease and grants the next waiter in the same step. Repeating it answers the same. {TokenOnce}")
    {
        Parameters = By(Id),
        Bodies = [new("release", "Release, with a note for the next holder", """{ "fencing_token": 1763712000123456, "note": "address updated" }""")],
        Answers = [new(200, "Released, now or before.", LockExamples.Released)],
    };

    public static OperationDoc Cancel { get; } = new(
        "Cancel a request", "Leaves the queue; or releases, if it was granted in the meantime. No body. Repeating it answers how the request ended.")
    {
        Parameters = By(Id),
        Answers = [new(200, "Ended; `state` says how.", LockExamples.Cancelled)],
    };

    public static OperationDoc CancelByRequest { get; } = new(
        "Cancel a request after a lost reply", "As the other cancel, for a caller that knows only its own `request_id` and one of the request's resources.")
    {
        Bodies = [new("cancel", "The request of the example repeatable of acquireLock", """{ "request_id": "nightly-report-1", "resource": "report/nightly" }""")],
        Answers = [new(200, "Ended; `state` says how.", LockExamples.Cancelled)],
    };

    public static OperationDoc Transfer { get; } = new(
        "Hand a lease on", $"Another agent holds it from now on, under a new `lock_id` and a new token, which the giver hands on; the old token is lost. {TokenOnce}")
    {
        Parameters = By(Id),
        Bodies = [new("transfer", "Hand on", """{ "fencing_token": 1763712000123456, "to_agent_id": "support-agent" }""")],
        Answers = [new(200, "The new lease.", LockExamples.Granted)],
    };

    public static OperationDoc Reprioritize { get; } = new("Change a waiter's priority", "Only a waiter has one to change. The answer has its new place.")
    {
        Parameters = By(Id),
        Bodies = [new("urgent", "To the front", """{ "priority": 9 }""")],
        Answers = [new(200, "Its new place; `granted` in the meantime is `not_waiting`.", LockExamples.Queued)],
    };

    public static OperationDoc Get { get; } = new("Look at a request", "In any state, for anybody: no effect, and no token. A request stays readable for some minutes after its end.")
    {
        Parameters = By(Id),
        Answers = [new(200, "As it is now.", [new("holder", "A holder", LockExamples.Holder), new("waiter", "A waiter", LockExamples.Waiter)])],
    };

    public static OperationDoc Explain { get; } = new(
        "Why am I waiting?", "In sentences, and in the numbers behind them: who blocks, who is ahead and by what score, and what would help. No effect.")
    {
        Parameters = By(Id),
        Answers = [new(200, "Why, and what would help.", LockExamples.Explanation)],
    };

    public static OperationDoc List { get; } = new("List live requests", "Holders and waiters in the order of their resources. What has ended is in the history.")
    {
        Parameters = By(
            Namespace, Type, new("agent_id", "Only this agent's."),
            new("state", "Only holders or only waiters.", new OpenApiSchema { Type = JsonSchemaType.String, Enum = [LockState.Granted, LockState.Queued] })),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", LockExamples.Locks)],
    };

    public static OperationDoc Resources { get; } = new("List resources in use", "What is held or waited for, with its first holder and its queue.")
    {
        Parameters = By(
            Namespace, Type,
            new("order_by", "`name`, or `contention`: the longest queues first.", new OpenApiSchema { Type = JsonSchemaType.String, Enum = ["name", "contention"], Default = "name" })),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", LockExamples.Resources)],
    };

    public static OperationDoc Queue { get; } = new("Look at a queue", "Who holds a resource and who waits for it, the next one first.")
    {
        Parameters = By(
            new("resource", "`type/id`.", new OpenApiSchema { Type = JsonSchemaType.String, Pattern = LockSchemas.ResourcePattern }, "customer/123", Required: true),
            Namespace with { Text = "The resource's namespace.", Schema = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = LockSchemas.NamespacePattern, Default = ResourceName.DefaultNamespace } }),
        Answers = [new(200, "Holders and waiters.", LockExamples.Queue)],
    };

    public static OperationDoc ForceRelease { get; } = new(
        "Free a resource from its holders",
        """
        The operator's way out: ends every lease on the resource. Its holders learn at their next renewal that it is lost; until the last deadline
        that they were told, the resource rests, so that nobody writes beside them. `immediate` grants it again at once: then only
        the fencing token keeps a late writer out.
        """)
    {
        Bodies = [new("free", "Free it", """{ "resource": "customer/123", "reason": "the agent's machine is gone" }""")],
        Answers = [new(200, "Who was cut off, and when it can be granted again.", LockExamples.ForceReleased)],
    };

    public static OperationDoc Validate { get; } = new(
        "Check a fencing token",
        "For a resource that cannot compare tokens itself: does this token belong to a live lease of this resource now? A resource that can compare refuses every token lower than the highest it has seen, which needs no call.")
    {
        Bodies = [new("check", "Check", """{ "resource": "customer/123", "fencing_token": 1763712000123456 }""")],
        Answers = [new(200, "`reason` is `held`; or `superseded` (a newer token is live), `unknown` (no token of this resource is so high), `not_held`.", LockExamples.FenceVerdict)],
    };

    private static Dictionary<string, ParameterDoc> By(params ParameterDoc[] parameters) =>
        parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
}
