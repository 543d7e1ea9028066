using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Server.Locks;

/// <summary>Why a request waits, in sentences and in the numbers behind them.</summary>
internal static class LockExplainer
{
    public static Explanation Explain(RequestReply reply, IReadOnlyList<KnownRequest> ahead)
    {
        var record = reply.Record!;
        var waiting = record.State == LockState.Queued;
        var blockers = LockViews.BlockedBy(reply);
        return new Explanation
        {
            LockId = reply.Id.ToString(),
            State = record.State,
            Position = waiting ? reply.Before + 1 : null,
            Sentences = [.. waiting ? WhyWaiting(reply, blockers, ahead) : [NotWaiting(reply.Now, record)]],
            BlockedBy = blockers,
            Ahead = [.. ahead.Select(other => new ExplainedWaiter
            {
                LockId = other.Id.ToString(),
                AgentId = other.Record.AgentId,
                Priority = other.Record.Priority,
                WaitedMs = Math.Max(0, reply.Now - other.Record.Enqueued),
                HeadStartMs = other.Record.Enqueued - other.Record.Score,
                Score = other.Record.Score,
            })],
            Self = waiting
                ? new ExplainedSelf
                {
                    Priority = record.Priority,
                    WaitedMs = Math.Max(0, reply.Now - record.Enqueued),
                    HeadStartMs = record.Enqueued - record.Score,
                    Score = record.Score,
                }
                : null,
            ExpectedWaitMs = waiting ? reply.ExpectedWaitMs : null,
            WouldHelp = [.. waiting ? Remedies(record, blockers, ahead) : []],
        };
    }

    private static IEnumerable<string> WhyWaiting(RequestReply reply, IReadOnlyList<Blocker> blockers, IReadOnlyList<KnownRequest> ahead)
    {
        var record = reply.Record!;
        var names = LockViews.NamesOf(record);
        foreach (var holder in blockers.Take(3))
        {
            yield return $"{names} is held by {LockProblems.Who(holder)}{(holder.Progress is { } progress ? $", who says: {progress}" : "")}; without a renewal that ends in {LockProblems.Span(holder.ExpiresInMs)}.";
        }

        if (reply.RestEnds > reply.Now)
        {
            yield return $"{names} rests for {LockProblems.Span(reply.RestEnds - reply.Now)}, because the last hold did not end with a release.";
        }

        yield return reply.Before == 0
            ? $"This request is first of {reply.QueueLength} in line."
            : $"This request is {LockProblems.Ordinal(reply.Before + 1)} of {reply.QueueLength} in line.";
        if (ahead.Count > 0)
        {
            var next = ahead[0].Record;
            var by = record.Score - next.Score;
            yield return next.Priority > record.Priority
                ? $"{next.AgentId} comes first: priority {next.Priority} against {record.Priority} is worth a head start that this request has not waited off yet; {LockProblems.Span(by)} are missing."
                : $"{next.AgentId} comes first: it has waited longer, by {LockProblems.Span(by)} after priorities are counted.";
        }

        if (record.Wants.Count > 1)
        {
            yield return $"It needs {record.Wants.Count} resources at once and is granted when it is first for each of them and each is free.";
        }

        if (reply.ExpectedWaitMs is { } expected)
        {
            yield return reply.UsualHoldMs is null
                ? $"Nothing is known of earlier holds; if nobody renews, it will take {LockProblems.Span(expected)}."
                : $"By recent holds it will take about {LockProblems.Span(expected)}.";
        }
    }

    private static string NotWaiting(long now, LockRecord record) => record.State == LockState.Granted
        ? $"It does not wait: it was granted {LockProblems.Span(Math.Max(0, now - record.Granted))} ago{(record.IsClaimed ? "" : " and waits to be claimed by its owner")}."
        : $"It does not wait: it is {record.State}.";

    private static IEnumerable<Remedy> Remedies(LockRecord record, IReadOnlyList<Blocker> blockers, IReadOnlyList<KnownRequest> ahead)
    {
        if (ahead.Count > 0 && ahead[0].Record.Priority > record.Priority && record.Priority < 9)
        {
            var enough = Math.Min(9, ahead[0].Record.Priority);
            yield return new Remedy { Action = "reprioritize", Sentence = $"Priority {enough} would count as much as that of {ahead[0].Record.AgentId}, who is first." };
        }

        if (blockers.Count > 0)
        {
            yield return new Remedy { Action = "ask_holder", Sentence = $"{blockers[0].AgentId} sees the number of waiters in each renewal and can release early." };
            yield return new Remedy { Action = "force_release", Sentence = "An operator can force the release; the resource then rests until the last deadline its holder was told." };
        }

        yield return new Remedy { Action = "cancel", Sentence = "Cancel this request and do other work first." };
    }
}
