using static ProtoMesh.Tests.Locks.Model.LeaseCommand;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>What leases mean, in plain C# and without regard to speed. Written from the rules, not from the scripts.</summary>
/// <remarks>
/// It keeps requests in a dictionary and derives everything else (who holds, who is next, what is free) by looking at all of them.
/// One thing is left open by the rules: in which order requests that become free in one step for different resources are
/// granted, and so how their tokens compare. The order seen in the store is given to <see cref="Step"/>; whether they are
/// granted at all, and which tokens are handed out, is the model's.
/// </remarks>
internal sealed partial class LeaseModel(LeaseSettings settings)
{
    private const long Never = 9007199254740991;
    private const int UsualLimit = 16;
    private const int TickLimit = 64;
    private static readonly Dictionary<char, string> Covers = new() { ['x'] = "xs", ['s'] = "s", ['l'] = "l" };
    private readonly Dictionary<string, ModelRequest> _requests = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ModelResource> _resources = new(StringComparer.Ordinal);
    private readonly List<string> _grantedNow = [];
    private Dictionary<string, long> _tokens = [];
    private List<string> _seenOrder = [];
    private long _lastUs, _offsetUs, _nowUs, _lastToken, _arrivals, _events;

    private long Now => _nowUs / 1000;

    /// <summary>Runs one command at a time of the store's clock, in microseconds. Returns the answer as text.</summary>
    public string Step(LeaseCommand command, long storeTimeUs, IReadOnlyList<string> seenOrder)
    {
        _nowUs = Math.Max(_lastUs, storeTimeUs + _offsetUs);
        var offsetUs = _nowUs - storeTimeUs;
        _seenOrder = [.. seenOrder];
        _grantedNow.Clear();
        var eventsBefore = _events;
        var (answer, writes) = command switch
        {
            Acquire acquire => (Submit(acquire.Of), true),
            Consider consider => (Ponder(consider.Of, out var ended), ended),
            Wait wait => (Poll(wait.Id), true),
            Renew renew => (RenewAll(renew), true),
            Release release => (Leave(release), true),
            Cancel cancel => (TakeBack(cancel), true),
            Transfer transfer => (HandOver(transfer), true),
            Reprioritize change => (Reorder(change), true),
            ForceRelease force => (CutOff(force), true),
            Tick => Sweep(offsetUs > _offsetUs),
            Touch touch => KeepAlive(touch),
            Fence fence => (Compare(fence), false),
            Read read => (Look(read), false),
            _ => throw new InvalidOperationException($"The model does not know {command}."),
        };
        if (writes || _events > eventsBefore)
        {
            (_lastUs, _offsetUs) = (_nowUs, offsetUs);
        }

        _tokens = _requests.ToDictionary(pair => pair.Key, pair => pair.Value.Token, StringComparer.Ordinal);
        return answer;
    }

    /// <summary>The number that a token of a command stands for: what was so before the command.</summary>
    public long Resolve(TokenOf token) =>
        (_tokens.TryGetValue(token.Id, out var known) && known > 0 ? known : 1) + token.Off;

    /// <summary>The end of a waiter's wait, as its owner was told.</summary>
    public long WaitEnds(string id) => Find(id)?.WaitEnds ?? 0;

    private ModelRequest? Find(string id) => _requests.GetValueOrDefault(id);

    private string Submit(Submission of)
    {
        CatchUp(UsualLimit);
        if (Find(of.Id) is { } known)
        {
            var same = known.Digest == of.Digest;
            if (same)
            {
                Attend(known);
                Pump();
            }

            return Describe(same ? "state" : "conflict", of.Id, known);
        }

        var request = new ModelRequest(of, of.Id, Now, _arrivals + 1);
        var verdict = Judge(request, out var hold);
        switch (verdict)
        {
            case "joins":
                Join(request, hold!);
                break;
            case "granted":
                Grant(request, claimed: true);
                break;
            case "queued":
                Enqueue(request);
                break;
            case "held":
                request.State = "queued";
                return Describe("held", of.Id, request);
            default:
                return Describe(verdict, of.Id, null);
        }

        _arrivals++;
        _requests[of.Id] = request;
        Pump();
        return Describe("state", of.Id, request);
    }

    /// <summary>A dry run: like any call it first ends what is over, and that is all it changes.</summary>
    private string Ponder(Submission of, out bool ended)
    {
        ended = CatchUp(UsualLimit) > 0;
        if (Find(of.Id) is { } known)
        {
            return Describe(known.Digest == of.Digest ? "state" : "conflict", of.Id, known);
        }

        var request = new ModelRequest(of, of.Id, Now, _arrivals + 1) { State = "queued" };
        var verdict = Judge(request, out _);
        return Describe(verdict == "joins" ? "granted" : verdict, of.Id, request);
    }

    private string Judge(ModelRequest request, out ModelRequest? hold)
    {
        hold = request.Of.Reentrant ? HoldToJoin(request) : null;
        return hold is not null ? "joins"
            : Conflicts(request) ? "mode_conflict"
            : IsGrantable(request) ? "granted"
            : request.Of.Wait == 0 ? "held"
            : request.Wants.Any(want => Queue(want.Name).Count >= settings.MaxQueue) ? "queue_full"
            : "queued";
    }

    private string Poll(string id)
    {
        CatchUp(UsualLimit);
        if (Find(id) is not { } request)
        {
            return Describe("unknown", id, null);
        }

        Attend(request);
        Pump();
        return Describe("state", id, request);
    }

    private string RenewAll(Renew renew)
    {
        CatchUp(UsualLimit);
        var answers = renew.Of.Select(RenewOne).ToList();
        Pump();
        return string.Join('\n', answers);
    }

    private string RenewOne(Renewal renewal)
    {
        var request = Find(renewal.Id);
        var verdict = CheckToken(request, Resolve(renewal.Token));
        if (verdict != "same")
        {
            return Answers.Renewed(verdict, Now, renewal.Id, request?.View(), 0, "");
        }

        // Whoever has the token is the owner: an unclaimed grant is claimed by it.
        Attend(request!);
        request!.Deadline = Math.Max(request.Deadline, Math.Min(Now + (renewal.Ttl ?? request.Of.Ttl), request.HoldEnds));
        if (renewal.Progress != "")
        {
            request.Progress = renewal.Progress;
        }

        var longest = request.Wants.Select(want => Queue(want.Name)).MaxBy(queue => queue.Count)!;
        return Answers.Renewed("renewed", Now, renewal.Id, request.View(), longest.Count, longest.Count > 0 ? $"{longest[0].Priority}" : "");
    }

    private string Leave(Release release)
    {
        CatchUp(UsualLimit);
        var (request, token) = (Find(release.Id), Resolve(release.Token));
        var verdict = CheckToken(request, token);
        if (verdict == "same")
        {
            End(request!, "released", Now, "release", release.Note);
            verdict = "released";
        }
        else if (verdict == "lost" && request!.State == "released" && request.Token == token)
        {
            verdict = "released";
        }

        Pump();

        // The agents that got what this lease held; the same call may have granted other resources that a lapse freed.
        var next = _grantedNow.Select(id => _requests[id])
            .Where(granted => verdict == "released" && granted.Wants.Any(want => request!.Wants.Any(mine => mine.Name == want.Name)));
        return Answers.Released(verdict, Now, release.Id, request?.View(), next.Select(granted => granted.Agent));
    }

    private string TakeBack(Cancel cancel)
    {
        CatchUp(UsualLimit);
        if (Find(cancel.Id) is not { } request)
        {
            return Describe("unknown", cancel.Id, null);
        }

        if (request.IsLive && !LapseIfOver(request))
        {
            End(request, request.IsGranted ? "released" : "cancelled", Now, cancel.Cause);
        }

        Pump();
        return Describe("state", cancel.Id, request);
    }

    private string HandOver(Transfer transfer)
    {
        CatchUp(UsualLimit);
        var (request, token) = (Find(transfer.Id), Resolve(transfer.Token));
        var verdict = CheckToken(request, token);
        if (verdict == "lost" && request!.State == "transferred" && request.Token == token
            && Find(request.Successor) is { } before && before.Agent == transfer.Agent && before.Session == transfer.Session)
        {
            return Describe("state", before.Id, before);
        }

        if (verdict != "same")
        {
            Pump();
            return Describe(verdict, transfer.Id, request);
        }

        var heir = new ModelRequest(request!.Of, transfer.HeirId, Now, request.Arrival)
        {
            Agent = transfer.Agent, Session = transfer.Session, Digest = $"heir of {request.Id}", Wants = request.Wants, Priority = request.Priority,
            WaitEnds = request.WaitEnds, HoldEnds = request.HoldEnds,
        };
        foreach (var sibling in Siblings(request))
        {
            End(sibling, "transferred", Now, "transfer");
        }

        End(request, "transferred", Now, "transfer");
        request.Successor = heir.Id;
        _requests[heir.Id] = heir;
        Grant(heir, claimed: true);
        Pump();
        return Describe("state", heir.Id, heir);
    }

    private string Reorder(Reprioritize change)
    {
        CatchUp(UsualLimit);
        var request = Find(change.Id);
        if (request is not { IsQueued: true })
        {
            return Describe(request is null ? "unknown" : "not_waiting", change.Id, request);
        }

        if (request.Priority != change.Priority)
        {
            request.Priority = change.Priority;
            _events++;
            Pump();
        }

        return Describe("state", change.Id, request);
    }

    private string CutOff(ForceRelease force)
    {
        CatchUp(UsualLimit);
        var held = Holders(force.Name);
        foreach (var request in held)
        {
            End(request, "force_released", Now, "force_release", force.Reason, request.Claimed && !force.Immediate ? request.Deadline : 0);
        }

        var resource = _resources.GetValueOrDefault(force.Name);
        if (force.Immediate && resource is not null && resource.RestEnds > Now)
        {
            (resource.RestEnds, resource.Wakes, resource.UsedAt) = (0, false, Now);
        }

        var rests = resource is not null && resource.RestEnds > Now ? resource.RestEnds : 0;
        var views = held.Select(request => request.View()).ToList();
        Pump();
        return Answers.Forced(Now, rests, Queue(force.Name).Count, views);
    }

    private string Compare(Fence fence)
    {
        var live = Holders(fence.Name).Where(request => request.Deadline > Now).Select(request => request.Token).ToList();
        var token = Resolve(fence.Token);
        return live.Count == 0 ? "not_held" : live.Contains(token) ? "held" : live.Any(other => token < other) ? "superseded" : "unknown";
    }

    private string Look(Read read)
    {
        var request = Find(read.Id);
        var ahead = request is { IsQueued: true }
            ? request.Wants.Select(want => Queue(want.Name).TakeWhile(other => other != request).Take(read.Ahead).ToList()).MaxBy(list => list.Count)!
            : [];
        return Describe(request is null ? "unknown" : "state", read.Id, request) + $" ahead {string.Join(' ', ahead.Select(other => other.View()))}";
    }

    private (string Answer, bool Writes) KeepAlive(Touch touch)
    {
        var waiting = touch.Ids.Select(Find).Where(request => request is { IsQueued: true, Of.Detached: false }).ToList();
        foreach (var request in waiting)
        {
            request!.Deadline = Math.Min(request.WaitEnds, Now + settings.Liveness);
        }

        return (Answers.Touched(touch.Ids.Where(id => Find(id) is not { IsQueued: true })), waiting.Count > 0);
    }

    /// <summary>The sweeper. It remembers the time at least every second while something is live, so that no step of the clock is missed.</summary>
    private (string Answer, bool Writes) Sweep(bool wentBack)
    {
        var seen = CatchUp(TickLimit);
        var forgotten = _requests.Values.Where(request => !request.IsLive && request.ForgottenAt <= Now).Select(request => request.Id).ToList();
        forgotten.ForEach(id => _requests.Remove(id));
        foreach (var (name, resource) in _resources.ToList())
        {
            var idle = !_requests.Values.Any(request => request.IsLive && request.Names(name));
            if (idle && resource.UsedAt + settings.Memory <= Now && resource.RestEnds <= Now)
            {
                _resources.Remove(name);
            }
        }

        var next = _requests.Values.Where(request => request.IsLive).Select(request => request.Deadline)
            .Concat(_resources.Values.Where(resource => resource.Wakes).Select(resource => resource.RestEnds))
            .DefaultIfEmpty(Never).Min();
        var writes = seen > 0 || wentBack || (next != Never && _nowUs - _lastUs >= 1_000_000);
        return (Answers.Ticked(Now, next, seen == TickLimit), writes);
    }
}
