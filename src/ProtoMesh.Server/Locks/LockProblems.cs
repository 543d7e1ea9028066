using System.Globalization;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Locks;

/// <summary>The sentences of this room's problems.</summary>
internal static class LockProblems
{
    public static Problem Held(RequestReply reply)
    {
        var record = reply.Record!;
        var blockers = LockViews.BlockedBy(reply);
        var position = reply.Before + 1;
        var wait = reply.ExpectedWaitMs ?? blockers.Select(blocker => (long?)blocker.ExpiresInMs).Max();
        var why = blockers.Count > 0
            ? $"is held by {Who(blockers[0])}{(blockers.Count > 1 ? $" and {blockers.Count - 1} more" : "")}"
            : reply.RestEnds > reply.Now ? $"rests for {Span(reply.RestEnds - reply.Now)} after a hold that ended badly" : "has others waiting for it";
        return Of("lock_held", $"{LockViews.NamesOf(record)} {why}; you would be {Ordinal(position)}.") with
        {
            Resource = record.Wants is [var only] ? only.Name.Short : null,
            Position = position,
            BlockedBy = blockers,
            RetryAfterMs = Math.Max(wait ?? 1_000, 100),
        };
    }

    public static Problem TimedOut(LockId id, LockRecord record) =>
        Of("lock_timeout", $"The wait for {LockViews.NamesOf(record)} ended without a grant.") with { LockId = id.ToString(), State = record.State };

    public static Problem Ended(LockId id, LockRecord record) =>
        Of("lock_ended", $"This request for {LockViews.NamesOf(record)} has ended: {Story(record)}.") with
        {
            LockId = id.ToString(), State = record.State, EndedBecause = LockViews.EndedBecause(record),
        };

    public static Problem Lost(LockId id, LockRecord record)
    {
        if (record.IsLive)
        {
            return Of("lease_lost", $"The token is older than the one that {LockViews.NamesOf(record)} is held with.") with { LockId = id.ToString(), State = record.State };
        }

        return Of("lease_lost", $"The lease on {LockViews.NamesOf(record)} is over: {Story(record)}.") with
        {
            LockId = id.ToString(), State = record.State, LostAt = LockRecord.Time(record.Ended), EndedBecause = LockViews.EndedBecause(record),
        };
    }

    public static Problem Unknown(LockId id) =>
        Of("lock_unknown", $"There is no request {id}; it may have ended some minutes ago.") with { LockId = id.ToString() };

    public static Problem NotYours(LockId id) =>
        Of("agent_mismatch", $"The request {id} is of an agent for whom this key does not speak.") with { LockId = id.ToString() };

    public static Problem Unknown(string id) => Of("lock_unknown", "There is no such request: a lock_id reads request_id.partition, as the answer to a request gave it.") with
    {
        LockId = id.Length <= 80 ? id : null,
    };

    public static Problem TokenMismatch(LockId id, LockRecord record) =>
        Of("token_mismatch", record.State == LockState.Queued
            ? "The request still waits and has no token yet."
            : "The token is not the one that this lease was granted with.") with { LockId = id.ToString(), State = record.State };

    public static Problem NotWaiting(LockId id, LockRecord record) =>
        Of("not_waiting", $"The request is {record.State}; only a waiter's priority can change.") with { LockId = id.ToString(), State = record.State };

    public static Problem ModeConflict(LockRequest request) =>
        Of("mode_conflict", $"{LockViews.NamesOf(request.Wants)} is in use in another way: exclusive and shared do not mix with slots, and slots have one capacity.");

    public static Problem IdConflict(LockId id) =>
        Of("request_id_conflict", "The request_id was used for other resources, modes, agent or session.") with { LockId = id.ToString() };

    public static Problem QueueFull(LockRequest request, int limit) =>
        Of("queue_full", $"{limit} requests wait for {LockViews.NamesOf(request.Wants)} already; no more may.") with { RetryAfterMs = 1_000 };

    /// <summary>Whether a script's tag names a limit of the namespace.</summary>
    public static bool IsLimit(string tag) => tag is "max_held_leases" or "max_waiters" or "max_waiters_per_resource";

    public static Problem NamespaceLimit(string space, string limit, long? value)
    {
        var what = limit switch { "max_held_leases" => "leases that it may hold", "max_waiters" => "waiters that it may have", _ => "waiters that it may have for one resource" };
        return Of("namespace_limit", $"The namespace {space} has all the {what}{(value is { } most ? string.Create(CultureInfo.InvariantCulture, $", {most}") : "")} ({limit}).") with
        {
            Limit = limit, LimitValue = value, RetryAfterMs = 1_000,
        };
    }

    public static Problem CrossPartition(IReadOnlyList<Want> wants, string groupBy) =>
        Of("cross_partition", $"{wants[0].Name.Short} and {wants[^1].Name.Short} are kept in different partitions, so they cannot be granted in one step.") with
        {
            NextStep = groupBy == "resource"
                ? "Group what is locked together: set Store:GroupBy to prefix (type and the id's part before the first /), type or namespace before the store is first used, or lock one resource that stands for all."
                : $"Name resources of one {groupBy}: Store:GroupBy is {groupBy}.",
        };

    public static Problem JournalUnavailable(string what) =>
        Of("journal_unavailable", $"The journal could not confirm in time, so {what}.") with { RetryAfterMs = 1_000 };

    public static Problem Denied(PolicyDecision decision, LockId? id = null) =>
        Of("policy_denied", decision.Reason) with
        {
            LockId = id?.ToString(),
            Decision = decision,
            Retryable = decision.Reasons.Any(reason => reason.RetryAfterMs is not null),
            RetryAfterMs = decision.Reasons.Max(reason => reason.RetryAfterMs),
            NextStep = decision.Approval is { } approval ? NextStep(approval) : ProblemCatalogue.Get("policy_denied").NextStep,
        };

    private static string NextStep(PolicyApproval approval) => approval switch
    {
        { ApprovalId: null } => $"A person of the group {approval.Group} has to approve this; do other work until then.",
        { State: "approved" } => $"It is approved: send the same request again with approval_id {approval.ApprovalId}.",
        _ => $"A person of the group {approval.Group} has to approve this: {approval.ApprovalId}. Wait with GET /v1/approvals/{approval.ApprovalId} and Prefer: wait=50, or do other work; then send the same request with approval_id.",
    };

    public static string Ordinal(int position) => (position % 100) switch
    {
        11 or 12 or 13 => $"{position}th",
        _ => (position % 10) switch { 1 => $"{position}st", 2 => $"{position}nd", 3 => $"{position}rd", _ => $"{position}th" },
    };

    public static string Span(long milliseconds) => milliseconds switch
    {
        < 1_000 => $"{milliseconds} ms",
        < 120_000 => $"{(milliseconds / 1000.0).ToString("0.#", CultureInfo.InvariantCulture)} s",
        _ => $"{milliseconds / 60_000} min",
    };

    public static string Who(Blocker holder) =>
        $"{holder.AgentId}{(holder.Reason is { } reason ? $" ({reason})" : "")} for {Span(holder.HeldMs)}";

    private static string Story(LockRecord record) => record.State switch
    {
        LockState.Released when record.Cause == LockGate.Cause => "the policy changed while it waited, and denies it now",
        LockState.Released => "it was released",
        LockState.Expired => record.Cause == "max_hold" ? "it was held for as long as it may be" : "it was not renewed in time",
        LockState.Abandoned => record.Granted > 0 ? "its grant was not claimed in time" : "nobody asked for it any more",
        LockState.ForceReleased => "an operator ended it",
        LockState.Transferred => "it was transferred",
        LockState.Cancelled => "it was cancelled",
        LockState.TimedOut => "its wait was over",
        var state => state,
    };

    private static Problem Of(string code, string detail) => Problems.Of(code, detail);
}
