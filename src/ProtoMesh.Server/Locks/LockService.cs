using Microsoft.Extensions.Options;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Locks;

/// <summary>The calls that change something: one script each, and for a request held open one more each time there is news.</summary>
internal sealed class LockService(
    LockScripts scripts, LockGate gate, LockWaiters waiters, LockSweeper sweeper, NamespaceBook namespaces, JournalWatermark watermark, JournalWakes journal,
    IOptions<LockOptions> options, IOptions<StoreOptions> storeOptions, IOptions<JournalOptions> journalOptions, TimeProvider time)
{
    /// <summary>Submits a request and, when it has to queue, holds on for at most <paramref name="hold"/>.</summary>
    public async Task<LockOutcome> AcquireAsync(LockRequest request, TimeSpan hold, Caller caller, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        if (PartitionOf(request.Wants) is not { } partition)
        {
            return new LockOutcome.Refused(LockProblems.CrossPartition(request.Wants, storeOptions.Value.GroupBy));
        }

        // From before it is submitted, which the policies may do: a grant must not come between.
        var id = new LockId(request.RequestId, partition);
        using var watch = hold > TimeSpan.Zero ? waiters.Watch(id) : null;
        var admission = await gate.AdmitAsync(request, id, cancellationToken);
        if (admission.Problem is { } problem)
        {
            return new LockOutcome.Refused(problem);
        }

        var reply = admission.Submitted ?? await SubmitAsync(admission, partition, cancellationToken);
        return watch is null
            ? await ConfirmAsync(reply, request, started, 0, cancellationToken)
            : await HoldOpenAsync(reply, watch, request, hold, started, caller, cancellationToken);
    }

    /// <summary>What is refused at once keeps nothing of what a policy took for it.</summary>
    private async ValueTask<RequestReply> SubmitAsync(LockAdmission admission, int partition, CancellationToken cancellationToken)
    {
        var reply = await scripts.AcquireAsync(partition, admission.Request, cancellationToken);
        if (reply.Tag != "state")
        {
            await gate.GiveBackAsync(admission);
        }

        return reply;
    }

    /// <summary>The owner's poll: keeps its waiter alive, claims its grant, and holds on for at most <paramref name="hold"/>.</summary>
    public async Task<LockOutcome> WaitAsync(LockId id, TimeSpan hold, Caller caller, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        using var watch = waiters.Watch(id);
        var reply = await scripts.WaitAsync(id, asked: false, caller.Guard, cancellationToken);
        return await HoldOpenAsync(reply, watch, null, hold, started, caller, cancellationToken);
    }

    public async Task<Answer<DryRunVerdict>> ConsiderAsync(LockRequest request, CancellationToken cancellationToken)
    {
        if (PartitionOf(request.Wants) is not { } partition)
        {
            return LockProblems.CrossPartition(request.Wants, storeOptions.Value.GroupBy);
        }

        var (decision, problem) = await gate.ConsiderAsync(request, cancellationToken);
        if (problem is not null)
        {
            return problem;
        }

        var reply = await scripts.ConsiderAsync(partition, request, cancellationToken);
        var granted = reply.Tag == "granted" || reply.Record?.State == LockState.Granted;
        return reply.Tag switch
        {
            "conflict" => LockProblems.IdConflict(reply.Id),
            "mode_conflict" => LockProblems.ModeConflict(request),
            "queue_full" => LockProblems.QueueFull(request, options.Value.MaxQueue),
            _ when LockProblems.IsLimit(reply.Tag) => LimitOf(request, reply.Tag),
            "state" when reply.Record is { IsLive: false } ended => LockProblems.Ended(reply.Id, ended),
            _ => new DryRunVerdict
            {
                GrantedNow = granted && decision is null or { Allowed: true },
                Position = granted ? null : reply.Before + 1,
                QueueLength = reply.QueueLength,
                ExpectedWaitMs = reply.Tag == "granted" ? 0 : reply.ExpectedWaitMs,
                BlockedBy = LockViews.BlockedBy(reply),
                Decision = decision,
            },
        };
    }

    public async Task<Answer<RenewedLock>> RenewAsync(LockId id, long token, long? ttlMs, string? progress, string guard, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var served = ServedMs(started);
        var renewed = await scripts.RenewAsync(id.Partition, [(id.RequestId, token, ttlMs, progress)], guard, cancellationToken);
        return RenewedOf(renewed[0], served);
    }

    /// <summary>Renews many, a script call for each partition and each 250 leases, and answers in the order of the call.</summary>
    public async Task<RenewResults> RenewAsync(IReadOnlyList<(LockId? Id, string Text, long Token, long? TtlMs)> leases, string guard, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var results = new RenewResult[leases.Count];
        var known = new List<int>(leases.Count);
        for (var index = 0; index < leases.Count; index++)
        {
            if (leases[index].Id is null)
            {
                results[index] = new RenewResult { LockId = leases[index].Text, Problem = LockProblems.Unknown(leases[index].Text) };
            }
            else
            {
                known.Add(index);
            }
        }

        foreach (var batch in known.GroupBy(index => leases[index].Id!.Value.Partition).SelectMany(group => group.Chunk(250)))
        {
            var partition = leases[batch[0]].Id!.Value.Partition;
            var served = ServedMs(started);
            var replies = await scripts.RenewAsync(
                partition, batch.Select(index => (leases[index].Id!.Value.RequestId, leases[index].Token, leases[index].TtlMs, (string?)null)), guard, cancellationToken);
            for (var place = 0; place < batch.Length; place++)
            {
                var answer = RenewedOf(replies[place], served);
                results[batch[place]] = new RenewResult
                {
                    LockId = leases[batch[place]].Text,
                    State = answer.Value?.State,
                    ExpiresAt = answer.Value?.ExpiresAt,
                    ExpiresInMs = answer.Value?.ExpiresInMs,
                    ServedMs = answer.Value?.ServedMs,
                    HoldEndsAt = answer.Value?.HoldEndsAt,
                    Waiters = answer.Value?.Waiters,
                    Problem = answer.Problem,
                };
            }
        }

        return new RenewResults { Results = results };
    }

    public async Task<(Answer<ReleasedLock> Answer, IReadOnlyList<string> NextAgents)> ReleaseAsync(
        LockId id, long token, string? note, string guard, CancellationToken cancellationToken)
    {
        var (reply, next) = await scripts.ReleaseAsync(id, token, note ?? "", guard, cancellationToken);
        journal.Nudge(id.Partition);
        return (reply.Tag switch
        {
            "unknown" => LockProblems.Unknown(id),
            "not_yours" => LockProblems.NotYours(id),
            "mismatch" => LockProblems.TokenMismatch(id, reply.Record!),
            "lost" => LockProblems.Lost(id, reply.Record!),
            _ when !await IsJournaledAsync(reply.Record!, id.Partition, cancellationToken) =>
                LockProblems.JournalUnavailable("the release is done but not confirmed; repeating it is safe"),
            _ => Released(reply),
        }, next);
    }

    public async Task<Answer<ReleasedLock>> CancelAsync(LockId id, string guard, CancellationToken cancellationToken)
    {
        var reply = await scripts.CancelAsync(id, "cancel", guard, cancellationToken);
        journal.Nudge(id.Partition);
        SweepAfter(reply);
        return reply.Tag == "unknown" ? LockProblems.Unknown(id) : reply.Tag == "not_yours" ? LockProblems.NotYours(id)
            : !await IsJournaledAsync(reply.Record!, id.Partition, cancellationToken)
                ? LockProblems.JournalUnavailable("the cancellation is done but not confirmed; repeating it is safe")
                : Released(reply);
    }

    public async Task<Answer<GrantedLock>> TransferAsync(LockId id, long token, string toAgentId, string toSessionId, Caller caller, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var (before, _) = await scripts.ReadAsync(id, 0, cancellationToken);
        if (before.Record is not { } record || !caller.IsIn(record.Wants[0].Name.Namespace))
        {
            return LockProblems.Unknown(id);
        }

        if (!caller.MayKeep(record.AgentId))
        {
            return LockProblems.NotYours(id);
        }

        if (await gate.AskForHeirAsync(id, record, toAgentId, cancellationToken) is { } denied)
        {
            return denied;
        }

        var digest = LockRequest.DigestOf(record.Wants, toAgentId, toSessionId);
        var served = ServedMs(started);
        var reply = await scripts.TransferAsync(id, token, Guid.CreateVersion7().ToString(), digest, toAgentId, toSessionId, caller.Guard, cancellationToken);
        journal.Nudge(id.Partition);
        return reply.Tag switch
        {
            "unknown" => LockProblems.Unknown(id),
            "not_yours" => LockProblems.NotYours(id),
            "mismatch" => LockProblems.TokenMismatch(id, reply.Record!),
            "lost" => LockProblems.Lost(id, reply.Record!),
            _ when reply.Record!.State != LockState.Granted => LockProblems.Lost(id, reply.Record),
            _ when !await IsJournaledAsync(reply.Record!, id.Partition, cancellationToken) =>
                LockProblems.JournalUnavailable("the transfer is done but not confirmed; repeating it answers the same lease"),
            _ => LockViews.Granted(reply, served),
        };
    }

    public async Task<Answer<QueuedLock>> ReprioritizeAsync(LockId id, int priority, string guard, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var served = ServedMs(started);
        var reply = await scripts.ReprioritizeAsync(id, priority, guard, cancellationToken);
        journal.Nudge(id.Partition);
        return reply.Tag switch
        {
            "unknown" => LockProblems.Unknown(id),
            "not_yours" => LockProblems.NotYours(id),
            "not_waiting" when !reply.Record!.IsLive => LockProblems.Ended(id, reply.Record),
            "not_waiting" => LockProblems.NotWaiting(id, reply.Record!),
            _ when !await IsJournaledAsync(reply.Record!, id.Partition, cancellationToken) =>
                LockProblems.JournalUnavailable("the priority is changed but not confirmed; repeating it is safe"),
            _ when reply.Record!.State != LockState.Queued => LockProblems.NotWaiting(id, reply.Record),
            _ => LockViews.Queued(reply, served, options.Value.WaiterLivenessMs),
        };
    }

    public async Task<Answer<ForceReleased>> ForceReleaseAsync(ResourceName name, string reason, bool immediate, CancellationToken cancellationToken)
    {
        var partition = PartitionOf(name);
        var reply = await scripts.ForceReleaseAsync(partition, name, reason, immediate, cancellationToken);
        journal.Nudge(partition);
        sweeper.Arm(Math.Max(0, reply.RestEnds - reply.Now));
        foreach (var ended in reply.Ended)
        {
            if (!await IsJournaledAsync(ended.Record, partition, cancellationToken))
            {
                return LockProblems.JournalUnavailable("the release is done but not confirmed; what it ended is in the history once the journal has it");
            }
        }

        var again = Math.Max(reply.Now, reply.RestEnds);
        return new ForceReleased
        {
            Namespace = name.Namespace,
            Resource = name.Short,
            Released = [.. reply.Ended.Select(ended => new ForceReleasedHold
            {
                LockId = ended.Id.ToString(), AgentId = ended.Record.AgentId, HeldMs = Math.Max(0, ended.Record.Ended - ended.Record.Granted),
            })],
            GrantableAt = LockRecord.Time(again),
            GrantableInMs = again - reply.Now,
            QueueLength = reply.QueueLength,
        };
    }

    public async Task<FenceVerdict> ValidateAsync(ResourceName name, long token, CancellationToken cancellationToken)
    {
        var verdict = await scripts.FenceAsync(PartitionOf(name), name, token, cancellationToken);
        return new FenceVerdict { Valid = verdict == "held", Reason = verdict };
    }

    public int PartitionOf(ResourceName name) => name.Partition(scripts.Partitions, storeOptions.Value.GroupBy);

    /// <summary>The one partition that holds all of the resources, or null.</summary>
    private int? PartitionOf(IReadOnlyList<Want> wants)
    {
        var partition = PartitionOf(wants[0].Name);
        return wants.All(want => PartitionOf(want.Name) == partition) ? partition : null;
    }

    private async Task<LockOutcome> HoldOpenAsync(
        RequestReply reply, LockWatch watch, LockRequest? request, TimeSpan hold, long started, Caller caller, CancellationToken cancellationToken)
    {
        long served = 0;
        while (reply is { Tag: "state", Record.State: LockState.Queued })
        {
            journal.Nudge(watch.Id.Partition);
            watch.Waiting = new OpenWait(reply.Record.WaitEnds, reply.Record.IsDetached);
            sweeper.Arm(DueInMs(reply));
            var left = hold - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero || waiters.Stopping.IsCancellationRequested)
            {
                break;
            }

            var news = await watch.NewsAsync(left, time, cancellationToken);
            if (!news && waiters.Stopping.IsCancellationRequested)
            {
                break;
            }

            // Whoever waited may have lost its key meanwhile: it claims nothing any more, and the next one gets it.
            if (caller.IsOver(time.GetUtcNow()))
            {
                return new LockOutcome.Refused(Caller.Ended);
            }

            served = ServedMs(started);
            reply = await scripts.WaitAsync(watch.Id, asked: false, caller.Guard, cancellationToken);
        }

        return await ConfirmAsync(reply, request, started, served, cancellationToken);
    }

    /// <summary>What was reserved for a request that has just ended is given back at once, not only at the next sweep.</summary>
    private void SweepAfter(RequestReply reply)
    {
        if (reply.Record is { IsLive: false } ended && reply.Now - ended.Ended < options.Value.SweepMs && ended.Flags.Contains(LockFlags.Action, StringComparison.Ordinal))
        {
            sweeper.Arm(0);
        }
    }

    /// <summary>When something changes by itself for this waiter: a blocker's end, the end of a rest, or of its own wait.</summary>
    private static long DueInMs(RequestReply reply)
    {
        var due = reply.Record!.WaitEnds;
        foreach (var blocker in reply.Blockers)
        {
            due = Math.Min(due, blocker.Record.Ends);
        }

        return (reply.RestEnds > reply.Now ? Math.Min(due, reply.RestEnds) : due) - reply.Now;
    }

    private async ValueTask<LockOutcome> ConfirmAsync(RequestReply reply, LockRequest? request, long started, long served, CancellationToken cancellationToken)
    {
        if (reply is { Tag: "state", Record: { State: LockState.Granted, IsClaimed: false } })
        {
            // It names an action, so nobody has been told of the grant: the policies come first, and whoever dies here leaves it unclaimed.
            if (await gate.AskAgainAsync(reply, cancellationToken) is { } denied)
            {
                sweeper.Arm(0);
                return new LockOutcome.Refused(denied);
            }

            reply = await scripts.WaitAsync(reply.Id, asked: true, "", cancellationToken);
        }

        if (reply.Tag == "state")
        {
            journal.Nudge(reply.Id.Partition);
            SweepAfter(reply);
            if (reply.Record is { State: LockState.Queued })
            {
                sweeper.Arm(DueInMs(reply));
            }

            if (!await IsJournaledAsync(reply.Record!, reply.Id.Partition, cancellationToken))
            {
                return new LockOutcome.Refused(await TakeBackAsync(reply));
            }
        }

        return reply.Tag switch
        {
            "unknown" => new LockOutcome.Refused(LockProblems.Unknown(reply.Id)),
            "not_yours" => new LockOutcome.Refused(LockProblems.NotYours(reply.Id)),
            "conflict" => new LockOutcome.Refused(LockProblems.IdConflict(reply.Id)),
            "held" => new LockOutcome.Refused(LockProblems.Held(reply)),
            "mode_conflict" => new LockOutcome.Refused(LockProblems.ModeConflict(request!)),
            "queue_full" => new LockOutcome.Refused(LockProblems.QueueFull(request!, options.Value.MaxQueue)),
            _ when LockProblems.IsLimit(reply.Tag) => new LockOutcome.Refused(LimitOf(request!, reply.Tag)),
            _ => reply.Record!.State switch
            {
                LockState.Granted => new LockOutcome.Granted(LockViews.Granted(reply, served)),
                LockState.Queued => new LockOutcome.Queued(LockViews.Queued(reply, served, options.Value.WaiterLivenessMs)),
                LockState.TimedOut => new LockOutcome.Refused(LockProblems.TimedOut(reply.Id, reply.Record)),
                _ => new LockOutcome.Refused(LockProblems.Ended(reply.Id, reply.Record)),
            },
        };
    }

    /// <summary>
    /// Cancels what this call enqueued, granted or let be claimed. What an earlier call was answered stays: its owner may
    /// be at work, and it may only be that this replica does not know of the commit.
    /// </summary>
    private async Task<Problem> TakeBackAsync(RequestReply reply)
    {
        var record = reply.Record!;
        var isOfThisCall = record.State == LockState.Granted ? record.HoldEnds == reply.Now + record.MaxHold : record.Enqueued == reply.Now;
        if (!record.IsLive || !isOfThisCall)
        {
            return LockProblems.JournalUnavailable("nothing was changed; repeating the call is safe");
        }

        await scripts.CancelAsync(reply.Id, "journal_unavailable", "", CancellationToken.None);
        sweeper.Arm(0);
        return LockProblems.JournalUnavailable("the request was cancelled");
    }

    /// <summary>At once for a <c>fast</c> request; for a <c>journaled</c> one when its last event is committed in SQL.</summary>
    private async ValueTask<bool> IsJournaledAsync(LockRecord record, int partition, CancellationToken cancellationToken) =>
        !record.Flags.Contains(LockFlags.Journaled, StringComparison.Ordinal)
        || await watermark.WaitAsync(partition, record.Event, TimeSpan.FromMilliseconds(journalOptions.Value.TimeoutMs), cancellationToken);

    private static Answer<RenewedLock> RenewedOf(RenewReply renewed, long served)
    {
        var reply = renewed.Reply;
        return reply.Tag switch
        {
            "unknown" => LockProblems.Unknown(reply.Id),
            "not_yours" => LockProblems.NotYours(reply.Id),
            "mismatch" => LockProblems.TokenMismatch(reply.Id, reply.Record!),
            "lost" => LockProblems.Lost(reply.Id, reply.Record!),
            _ => new RenewedLock
            {
                LockId = reply.Id.ToString(),
                ExpiresAt = LockRecord.Time(reply.Record!.Ends),
                ExpiresInMs = reply.Record.Ends - reply.Now,
                ServedMs = served,
                HoldEndsAt = LockRecord.Time(reply.Record.HoldEnds),
                Waiters = new Waiters { Count = renewed.Waiters, TopPriority = renewed.TopPriority },
            },
        };
    }

    /// <summary>Its value as it is known here, which may be newer than what the script was told.</summary>
    private Problem LimitOf(LockRequest request, string limit)
    {
        var space = request.Wants[0].Name.Namespace;
        return LockProblems.NamespaceLimit(space, limit, namespaces.Of(space).LimitOf(limit));
    }

    private static ReleasedLock Released(RequestReply reply) => new() { LockId = reply.Id.ToString(), State = reply.Record!.State };

    private long ServedMs(long started) => (long)time.GetElapsedTime(started).TotalMilliseconds;
}
