namespace ProtoMesh.Tests.Locks.Model;

/// <summary>Who may have what, and the two changes of a request's life: its grant and its end.</summary>
internal sealed partial class LeaseModel
{
    private const long StrictStep = 1L << 42;

    private long Score(ModelRequest request) =>
        request.EnqueuedAt - (request.Priority * (settings.Ageing < 0 ? StrictStep : settings.Ageing));

    private bool IsAhead(ModelRequest first, ModelRequest second) =>
        (Score(first), first.Arrival).CompareTo((Score(second), second.Arrival)) < 0;

    private List<ModelRequest> Queue(string name) =>
        [.. _requests.Values.Where(request => request.IsQueued && request.Names(name)).OrderBy(Score).ThenBy(request => request.Arrival)];

    private List<ModelRequest> Holders(string name) =>
    [
        .. _requests.Values.Where(request => request.IsGranted && request.Names(name))
            .OrderBy(request => request.Agent, StringComparer.Ordinal).ThenBy(request => request.Session, StringComparer.Ordinal)
            .ThenBy(request => request.Id, StringComparer.Ordinal),
    ];

    /// <summary>One per hold: requests that share a token hold once.</summary>
    private List<Want> Holds(string name) =>
        [.. Holders(name).GroupBy(request => request.Token).Select(hold => hold.First().On(name))];

    private List<ModelRequest> Siblings(ModelRequest request) =>
        [.. _requests.Values.Where(other => other != request && other.IsGranted && other.Token == request.Token)];

    private bool Fits(Want want)
    {
        var holds = Holds(want.Name);
        var rests = _resources.TryGetValue(want.Name, out var resource) && resource.RestEnds > Now;
        return !rests && want.Mode switch
        {
            'l' => holds.Sum(hold => hold.Units) + want.Units <= want.Capacity,
            's' => holds.All(hold => hold.Mode == 's'),
            _ => holds.Count == 0,
        };
    }

    private bool IsGrantable(ModelRequest request) =>
        request.Wants.All(want => Fits(want) && !Queue(want.Name).Any(other => other != request && IsAhead(other, request)));

    private bool Conflicts(ModelRequest request) => request.Wants.Any(want => _requests.Values
        .Where(other => other.IsLive && other.Names(want.Name))
        .Any(other => other.On(want.Name).Family != want.Family || other.On(want.Name).Capacity != want.Capacity));

    private ModelRequest? HoldToJoin(ModelRequest request) => Holders(request.Wants[0].Name)
        .Where(hold => hold.Agent == request.Agent && hold.Session == request.Session && hold.Claimed && hold.Deadline > Now)
        .FirstOrDefault(hold => request.Wants.All(want => hold.Wants.Any(mine => mine.Name == want.Name
            && Covers[mine.Mode].Contains(want.Mode, StringComparison.Ordinal) && want.Units <= mine.Units && want.Capacity == mine.Capacity)));

    private void Join(ModelRequest request, ModelRequest hold)
    {
        request.Wants = [.. request.Wants.Select(want => hold.On(want.Name))];
        (request.State, request.Token, request.GrantedAt, request.Claimed) = ("granted", hold.Token, Now, true);
        (request.HoldEnds, request.Previous, request.Changed) = (hold.HoldEnds, hold.Previous, "f");
        request.Deadline = Math.Min(Now + request.Of.Ttl, request.HoldEnds);
        _events++;
    }

    private void Enqueue(ModelRequest request)
    {
        request.State = "queued";
        request.Deadline = request.Of.Detached ? request.WaitEnds : Math.Min(request.WaitEnds, Now + settings.Liveness);
        foreach (var want in request.Wants)
        {
            Use(want.Name);
        }

        _events++;
    }

    private void Grant(ModelRequest request, bool claimed)
    {
        _lastToken = Math.Max(_lastToken + 1, _nowUs);
        var known = new List<string>();
        (string Agent, string Ended, long At, string Note)? previous = null;
        foreach (var want in request.Wants)
        {
            var resource = Use(want.Name);
            var since = resource.Holders.IndexOf(request.Agent);
            known.Add(since < 0 ? "" : since > 0 ? "t" : "f");
            resource.Holders.Remove(request.Agent);
            resource.Holders.Insert(0, request.Agent);
            previous = resource.Previous is { } last && last.At >= (previous?.At ?? 0) ? last : previous;
        }

        request.Changed = known.Contains("t") ? "t" : known.Contains("") ? "" : "f";
        request.Previous = Told(previous);
        (request.State, request.Token, request.GrantedAt, request.Claimed) = ("granted", _lastToken, Now, claimed || request.Of.Detached);

        // The time to claim is not part of the hold: both the lease and the longest hold start in full when it is claimed.
        request.HoldEnds = request.HoldEnds > 0 ? request.HoldEnds : Now + request.Of.MaxHold + (request.Claimed ? 0 : settings.Claim);
        request.Deadline = request.Claimed ? Math.Min(Now + request.Of.Ttl, request.HoldEnds) : Now + settings.Claim;
        _events++;
        if (!claimed)
        {
            _grantedNow.Add(request.Id);
        }
    }

    /// <summary>The owner looks: a waiter lives on, a grant is claimed, and what is over is over.</summary>
    private void Attend(ModelRequest request)
    {
        if (LapseIfOver(request))
        {
            return;
        }

        if (request.IsQueued && !request.Of.Detached)
        {
            request.Deadline = Math.Min(request.WaitEnds, Now + settings.Liveness);
        }
        else if (request is { IsGranted: true, Claimed: false })
        {
            (request.Claimed, request.HoldEnds) = (true, Now + request.Of.MaxHold);
            request.Deadline = Math.Min(Now + request.Of.Ttl, request.HoldEnds);
        }
    }

    private void End(ModelRequest request, string state, long at, string cause, string note = "", long restEnds = 0)
    {
        foreach (var want in request.Wants)
        {
            var resource = Use(want.Name);
            if (request.IsGranted && restEnds > Now)
            {
                resource.RestEnds = Math.Max(resource.RestEnds, restEnds);
                resource.Wakes = true;
            }

            if (request.IsGranted && !Siblings(request).Any(other => other.Names(want.Name)))
            {
                resource.Previous = (request.Agent, state, at, note);
            }
        }

        (request.State, request.EndedAt, request.Cause, request.ForgottenAt) = (state, at, cause, Now + settings.Retention);
        _events++;
    }

    private bool LapseIfOver(ModelRequest request)
    {
        if (!request.IsLive || (request.IsGranted ? request.Deadline : request.WaitEnds) > Now)
        {
            return false;
        }

        Lapse(request);
        return true;
    }

    private void Lapse(ModelRequest request)
    {
        if (request.IsGranted)
        {
            var rests = request.Of.Drain > 0 ? request.Deadline + request.Of.Drain : 0;
            var cause = request.Deadline == request.HoldEnds ? "max_hold" : "time";
            End(request, request.Claimed ? "expired" : "abandoned", request.Deadline, cause, restEnds: rests);
        }
        else if (request.Deadline >= request.WaitEnds)
        {
            End(request, "timed_out", request.WaitEnds, "time");
        }
        else
        {
            End(request, "abandoned", request.Deadline, "silence");
        }
    }

    private string CheckToken(ModelRequest? request, long token)
    {
        if (request is { IsGranted: true } && request.Token == token)
        {
            return LapseIfOver(request) ? "lost" : "same";
        }

        return request is null ? "unknown" : !request.IsLive || (request.IsGranted && token < request.Token) ? "lost" : "mismatch";
    }

    /// <summary>Ends what is due, in the order of deadlines, then grants what that made free. Returns how many it has seen.</summary>
    private int CatchUp(int limit)
    {
        var rests = _resources.Where(pair => pair.Value.Wakes && pair.Value.RestEnds <= Now).Select(pair => (pair.Value.RestEnds, Id: "\u0001" + pair.Key));
        var lives = _requests.Values.Where(request => request.IsLive && request.Deadline <= Now).Select(request => (request.Deadline, request.Id));
        var due = rests.Concat(lives).OrderBy(entry => entry.Item1).ThenBy(entry => entry.Id, StringComparer.Ordinal).Take(limit).ToList();
        foreach (var (_, id) in due)
        {
            if (id[0] == '\u0001')
            {
                // Unless what lapsed before it in this loop has made the rest longer.
                _resources[id[1..]].Wakes = _resources[id[1..]].RestEnds > Now;
            }
            else
            {
                Lapse(_requests[id]);
            }
        }

        Pump();
        return due.Count;
    }

    /// <summary>Grants until nobody who stands first everywhere finds everything free.</summary>
    private void Pump()
    {
        while (_requests.Values.Where(request => request.IsQueued && IsGrantable(request))
            .OrderBy(request => (uint)_seenOrder.IndexOf(request.Id)).ThenBy(Score).ThenBy(request => request.Arrival).FirstOrDefault() is { } next)
        {
            if (next.Deadline <= Now)
            {
                Lapse(next);
            }
            else
            {
                Grant(next, claimed: false);
            }
        }
    }

    private ModelResource Use(string name)
    {
        if (!_resources.TryGetValue(name, out var resource))
        {
            _resources[name] = resource = new ModelResource();
        }

        resource.UsedAt = Now;
        return resource;
    }

    private static string Told((string Agent, string Ended, long At, string Note)? previous) =>
        previous is { } last ? $"{last.Agent} {last.Ended} {last.At} {last.Note}" : "";
}
