namespace ProtoMesh.Server.Locks;

/// <summary>Answers as the document shows them. A test reads each back into its record.</summary>
internal static class LockExamples
{
    public const string Granted = """
        {
          "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "request_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d", "state": "granted",
          "namespace": "default", "resource": "customer/123", "mode": "exclusive", "agent_id": "billing-agent", "priority": 5,
          "fencing_token": 1763712000123456, "granted_at": "2026-03-01T09:00:00.000Z", "expires_at": "2026-03-01T09:01:00.000Z",
          "expires_in_ms": 60000, "served_ms": 0, "hold_ends_at": "2026-03-01T10:00:00.000Z", "waited_ms": 0,
          "changed_since_last_held": null,
          "previous": { "agent_id": "support-agent", "ended": "released", "note": "address updated", "ended_at": "2026-03-01T08:59:12.480Z" }
        }
        """;

    public const string Blocker = """
        { "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "agent_id": "billing-agent", "mode": "exclusive", "reason": "refund #42", "progress": null, "held_ms": 12000, "expires_in_ms": 48000 }
        """;

    public const string Queued = $$"""
        {
          "lock_id": "019b3a52-b3c4-7d52-8a0f-1b2c3d4e5f60.0", "request_id": "019b3a52-b3c4-7d52-8a0f-1b2c3d4e5f60", "state": "queued",
          "namespace": "default", "resource": "customer/123", "mode": "exclusive", "agent_id": "billing-agent", "priority": 5,
          "position": 1, "queue_length": 1, "enqueued_at": "2026-03-01T09:00:12.000Z", "wait_ends_at": "2026-03-01T09:01:12.000Z",
          "call_again_within_ms": 15000, "expected_wait_ms": 48000, "served_ms": 0,
          "blocked_by": [{{Blocker}}]
        }
        """;

    public const string Verdict = $$"""
        { "granted_now": false, "position": 1, "queue_length": 0, "expected_wait_ms": 48000, "blocked_by": [{{Blocker}}] }
        """;

    public const string Renewed = """
        {
          "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "state": "granted", "expires_at": "2026-03-01T09:01:30.000Z", "expires_in_ms": 60000,
          "served_ms": 0, "hold_ends_at": "2026-03-01T10:00:00.000Z", "waiters": { "count": 3, "top_priority": 8 }
        }
        """;

    public const string RenewResults = """
        {
          "results": [
            { "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "state": "granted", "expires_at": "2026-03-01T09:01:30.000Z", "expires_in_ms": 60000,
              "served_ms": 0, "hold_ends_at": "2026-03-01T10:00:00.000Z", "waiters": { "count": 0 } },
            { "lock_id": "019b3a51-0000-7000-8000-000000000000.0",
              "problem": { "type": "https://protomesh.dev/problems/lease_lost", "title": "The lease is no longer yours", "status": 410, "code": "lease_lost",
                "detail": "The lease on customer/7 is over: it was not renewed in time.", "retryable": false,
                "next_step": "Stop writing, send a new request, and look at the resource before you go on.",
                "lock_id": "019b3a51-0000-7000-8000-000000000000.0", "state": "expired", "lost_at": "2026-03-01T08:58:00.000Z", "ended_because": "expired" } }
          ]
        }
        """;

    public const string Released = """
        { "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "state": "released" }
        """;

    public const string Cancelled = """
        { "lock_id": "019b3a52-b3c4-7d52-8a0f-1b2c3d4e5f60.0", "state": "cancelled" }
        """;

    public const string Waiter = """
        {
          "lock_id": "019b3a52-b3c4-7d52-8a0f-1b2c3d4e5f60.0", "state": "queued", "namespace": "default", "resource": "customer/123", "mode": "exclusive",
          "agent_id": "support-agent", "priority": 5, "enqueued_at": "2026-03-01T09:00:12.000Z", "waited_ms": 3000,
          "wait_ends_at": "2026-03-01T09:01:12.000Z", "position": 1, "queue_length": 1
        }
        """;

    public const string Holder = """
        {
          "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "state": "granted", "namespace": "default", "resource": "customer/123", "mode": "exclusive",
          "agent_id": "billing-agent", "priority": 5, "reason": "refund #42", "enqueued_at": "2026-03-01T09:00:00.000Z", "waited_ms": 0,
          "granted_at": "2026-03-01T09:00:00.000Z", "held_ms": 12000, "expires_at": "2026-03-01T09:01:00.000Z", "expires_in_ms": 48000,
          "hold_ends_at": "2026-03-01T10:00:00.000Z"
        }
        """;

    public const string Locks = $$"""{ "locks": [{{Holder}}, {{Waiter}}], "next_page_token": "bG9ja3MKMAooLi4" }""";

    public const string Resources = $$"""
        {
          "resources": [{ "namespace": "default", "resource": "customer/123", "held_by": [{{Blocker}}], "queue_length": 1, "longest_wait_ms": 3000, "top_priority": 5, "mode": "exclusive" }]
        }
        """;

    public const string Queue = $$"""
        { "namespace": "default", "resource": "customer/123", "held_by": [{{Blocker}}], "queue_length": 1, "waiting": [{{Waiter}}] }
        """;

    public const string Explanation = $$"""
        {
          "lock_id": "019b3a52-b3c4-7d52-8a0f-1b2c3d4e5f60.0", "state": "queued", "position": 1,
          "sentences": ["customer/123 is held by billing-agent (refund #42) for 12 s.", "You are next."],
          "blocked_by": [{{Blocker}}], "ahead": [],
          "self": { "priority": 5, "waited_ms": 3000, "head_start_ms": 1500000, "score": 1763710491000 },
          "expected_wait_ms": 48000, "would_help": []
        }
        """;

    public const string ForceReleased = """
        {
          "namespace": "default", "resource": "customer/123",
          "released": [{ "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "agent_id": "billing-agent", "held_ms": 12000 }],
          "grantable_at": "2026-03-01T09:01:00.000Z", "grantable_in_ms": 48000, "queue_length": 1
        }
        """;

    public const string FenceVerdict = """{ "valid": true, "reason": "held" }""";
}
