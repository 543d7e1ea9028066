using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Server.Locks;

/// <summary>Turns what the scripts say into what the wire says. Only <see cref="Granted"/> carries a fencing token.</summary>
internal static class LockViews
{
    public static GrantedLock Granted(RequestReply reply, long servedMs)
    {
        var record = reply.Record!;
        var only = Only(record);
        return new GrantedLock
        {
            LockId = reply.Id.ToString(),
            RequestId = reply.Id.RequestId,
            Namespace = record.Wants[0].Name.Namespace,
            Resource = only?.Resource,
            Resources = only is null ? All(record) : null,
            Mode = only?.Mode,
            Capacity = only?.Capacity,
            Units = only?.Units,
            AgentId = record.AgentId,
            SessionId = record.SessionId,
            Action = record.Payload.Action,
            Decision = reply.Decision ?? StampAt(record, reply.Now),
            Priority = record.Priority,
            FencingToken = record.Token,
            GrantedAt = LockRecord.Time(record.Granted),
            ExpiresAt = LockRecord.Time(record.Ends),
            ExpiresInMs = Math.Max(0, record.Ends - reply.Now),
            ServedMs = servedMs,
            HoldEndsAt = LockRecord.Time(record.HoldEnds),
            WaitedMs = Math.Max(0, record.Granted - record.Enqueued),
            ChangedSinceLastHeld = record.ChangedSinceLastHeld,
            Previous = record.Previous,
        };
    }

    public static QueuedLock Queued(RequestReply reply, long servedMs, long livenessMs)
    {
        var record = reply.Record!;
        var only = Only(record);
        return new QueuedLock
        {
            LockId = reply.Id.ToString(),
            RequestId = reply.Id.RequestId,
            Namespace = record.Wants[0].Name.Namespace,
            Resource = only?.Resource,
            Resources = only is null ? All(record) : null,
            Mode = only?.Mode,
            Capacity = only?.Capacity,
            Units = only?.Units,
            AgentId = record.AgentId,
            SessionId = record.SessionId,
            Action = record.Payload.Action,
            Decision = reply.Decision ?? StampAt(record, reply.Now),
            Priority = record.Priority,
            Position = reply.Before + 1,
            QueueLength = reply.QueueLength,
            EnqueuedAt = LockRecord.Time(record.Enqueued),
            WaitEndsAt = LockRecord.Time(record.WaitEnds),
            CallAgainWithinMs = record.IsDetached ? null : livenessMs,
            ExpectedWaitMs = reply.ExpectedWaitMs,
            ServedMs = servedMs,
            BlockedBy = BlockedBy(reply),
        };
    }

    /// <summary>What anybody may see of a request in any state: no token, and no session, with which others could re-enter.</summary>
    public static ObservedLock Observed(LockId id, LockRecord record, long now, RequestReply? place = null)
    {
        var only = Only(record);
        var queued = record.State == LockState.Queued;
        var granted = record.State == LockState.Granted;
        return new ObservedLock
        {
            LockId = id.ToString(),
            State = record.State,
            Namespace = record.Wants[0].Name.Namespace,
            Resource = only?.Resource,
            Resources = only is null ? All(record) : null,
            Mode = only?.Mode,
            Capacity = only?.Capacity,
            Units = only?.Units,
            AgentId = record.AgentId,
            Action = record.Payload.Action,
            Decision = StampAt(record, now),
            Priority = record.IsLive ? record.Priority : null,
            Reason = record.Payload.Reason,
            Progress = record.Progress,
            Labels = record.Payload.Labels,
            EnqueuedAt = record.IsLive ? LockRecord.Time(record.Enqueued) : null,
            WaitedMs = queued ? Math.Max(0, now - record.Enqueued) : granted ? Math.Max(0, record.Granted - record.Enqueued) : null,
            WaitEndsAt = queued ? LockRecord.Time(record.WaitEnds) : null,
            Position = queued && place is not null ? place.Before + 1 : null,
            QueueLength = queued ? place?.QueueLength : null,
            BlockedBy = queued && place is not null ? BlockedBy(place) : null,
            GrantedAt = record.Granted > 0 ? LockRecord.Time(record.Granted) : null,
            HeldMs = granted ? Math.Max(0, now - record.Granted) : record.Granted > 0 ? Math.Max(0, record.Ended - record.Granted) : null,
            ExpiresAt = granted ? LockRecord.Time(record.Ends) : null,
            ExpiresInMs = granted ? Math.Max(0, record.Ends - now) : null,
            HoldEndsAt = granted ? LockRecord.Time(record.HoldEnds) : null,
            EndedAt = record.IsLive ? null : LockRecord.Time(record.Ended),
            EndedBecause = record.IsLive ? null : EndedBecause(record),
        };
    }

    public static IReadOnlyList<Blocker> BlockedBy(RequestReply reply) => [.. reply.Blockers.Select(blocker => Blocker(blocker, reply.Now))];

    public static Blocker Blocker(KnownRequest holder, long now) => new()
    {
        LockId = holder.Id.ToString(),
        AgentId = holder.Record.AgentId,
        Mode = holder.Record.Wants[0].Mode,
        Reason = holder.Record.Payload.Reason,
        Progress = holder.Record.Progress,
        HeldMs = Math.Max(0, now - holder.Record.Granted),
        ExpiresInMs = Math.Max(0, holder.Record.Ends - now),
    };

    /// <summary>The state says how it ended, except that a lease may end because it was held for as long as it may be.</summary>
    public static string EndedBecause(LockRecord record) => record.Cause == "max_hold" ? "max_hold" : record.State;

    /// <summary>How a request's resources are called in a sentence.</summary>
    public static string NamesOf(LockRecord record) => NamesOf(record.Wants);

    public static string NamesOf(IReadOnlyList<Want> wants) => wants.Count switch
    {
        1 => wants[0].Name.Short,
        2 => $"{wants[0].Name.Short} and {wants[1].Name.Short}",
        var count => $"{wants[0].Name.Short} and {count - 1} others",
    };

    private static LockedResource? Only(LockRecord record) => record.Wants.Count == 1 ? Resource(record.Wants[0]) : null;

    private static IReadOnlyList<LockedResource> All(LockRecord record) => [.. record.Wants.Select(Resource)];

    private static LockedResource Resource(Want want) => new()
    {
        Resource = want.Name.Short,
        Mode = want.Mode,
        Capacity = want.Mode == LockMode.Slots ? want.Capacity : null,
        Units = want.Mode == LockMode.Slots ? want.Units : null,
    };

    /// <summary>How long reservations live on, from now.</summary>
    private static PolicyStamp? StampAt(LockRecord record, long now) => record.Payload.Decision is { Obligations: { Budget: { } held } taken } stamp
        ? stamp with { Obligations = taken with { Budget = [.. held.Select(one => one with { ExpiresInMs = Math.Max(0, one.ExpiresAt.ToUnixTimeMilliseconds() - now) })] } }
        : record.Payload.Decision;
}
