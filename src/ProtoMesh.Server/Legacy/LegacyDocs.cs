using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Legacy;

/// <summary>What the document says of the first version's calls.</summary>
internal static class LegacyDocs
{
    private const string Kept = "Kept for the first version's clients: what it refuses is HTTP 200 with `status` `error`, and a body that is not what it takes is 422 in FastAPI's shape.";

    private static readonly AnswerDoc Invalid = new(422, "The body is not what this call takes.", """
        { "detail": [{ "type": "missing", "loc": ["body", "agent_id"], "msg": "Field required", "input": {} }] }
        """);

    public static OperationDoc Acquire { get; } = new("Acquire a lock, as the first version did", $"{Kept} Times are seconds. New clients use acquireLock.")
    {
        Bodies = [new("acquire", "Acquire", """{ "resource_type": "customer", "resource_id": "7", "agent_id": "old-agent", "priority": 5, "ttl": 60 }""")],
        Answers =
        [
            new(200, "Acquired, or queued.", [
                new("acquired", "Acquired", """{ "status": "acquired", "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "expires_in": 60 }"""),
                new("queued", "Queued", """{ "status": "queued", "lock_id": "019b3a52-b3c4-7d52-8a0f-1b2c3d4e5f60.0", "position": 1 }""")]),
            Invalid,
        ],
    };

    public static OperationDoc Release { get; } = new("Release a lock, as the first version did", $"{Kept} New clients use releaseLock.")
    {
        Bodies = [new("release", "Release", """{ "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "agent_id": "old-agent" }""")],
        Answers = [new(200, "Released, and who holds it now.", """{ "status": "released", "next_agent": null }"""), Invalid],
    };

    public static OperationDoc Status { get; } = new("Look at a lock, as the first version did", "New clients use getLock.")
    {
        Parameters = new Dictionary<string, ParameterDoc>(StringComparer.Ordinal) { ["lock_id"] = new("lock_id", "The `lock_id` of an answer.") },
        Answers = [new(200, "`active`, or `expired` for a lock that is not held.", """{ "status": "active", "agent_id": "old-agent", "acquired_at": "2026-03-01T09:00:00.000Z", "resource_type": "customer", "resource_id": "7" }""")],
    };

    public static OperationDoc Cancel { get; } = Locks.LockDocs.CancelByRequest with
    {
        Description = $"{Locks.LockDocs.CancelByRequest.Description} Also understands the first version's body, `{{resource_type, resource_id, agent_id}}`, and then answers `{{status, detail}}`.",
    };
}
