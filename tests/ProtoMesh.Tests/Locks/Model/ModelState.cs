namespace ProtoMesh.Tests.Locks.Model;

/// <summary>A request as the model keeps it.</summary>
internal sealed class ModelRequest(Submission of, string id, long now, long arrival)
{
    public Submission Of { get; set; } = of;
    public string Id { get; } = id;
    public string Digest { get; set; } = of.Digest;
    public string Agent { get; set; } = of.Agent;
    public string Session { get; set; } = of.Session;
    public IReadOnlyList<Want> Wants { get; set; } = of.Parts;
    public string State { get; set; } = "new";
    public int Priority { get; set; } = of.Priority;
    public long EnqueuedAt { get; } = now;
    public long Arrival { get; } = arrival;
    public long WaitEnds { get; set; } = now + of.Wait;

    /// <summary>When the store does something about it by itself.</summary>
    public long Deadline { get; set; }
    public long Token { get; set; }
    public long GrantedAt { get; set; }
    public long HoldEnds { get; set; }
    public bool Claimed { get; set; }
    public string Progress { get; set; } = "";
    public string Changed { get; set; } = "";
    public string Previous { get; set; } = "";
    public long EndedAt { get; set; }
    public long ForgottenAt { get; set; }
    public string Cause { get; set; } = "";
    public string Successor { get; set; } = "";

    public bool IsQueued => State == "queued";
    public bool IsGranted => State == "granted";
    public bool IsLive => IsQueued || IsGranted;

    public bool Names(string name) => Wants.Any(want => want.Name == name);

    public Want On(string name) => Wants.First(want => want.Name == name);

    public LeaseView View()
    {
        var seen = new LeaseView
        {
            Id = Id, State = State, Digest = Digest, Names = string.Join(' ', Wants), Agent = Agent, Session = Session, Token = Token, GrantedAt = GrantedAt,
        };
        return IsLive
            ? seen with
            {
                EnqueuedAt = EnqueuedAt, WaitEnds = WaitEnds, Ends = IsGranted ? Deadline : 0, HoldEnds = HoldEnds, Claimed = Claimed, Priority = Priority,
                Ttl = Of.Ttl, MaxHold = Of.MaxHold, Drain = Of.Drain, Progress = Progress, Changed = Changed, Previous = Previous,
            }
            : seen with { EndedAt = EndedAt, Cause = Cause, Successor = Successor };
    }
}

/// <summary>What is remembered of a resource beside its live requests.</summary>
internal sealed class ModelResource
{
    public long RestEnds { get; set; }

    /// <summary>True while the end of a rest has not been acted upon.</summary>
    public bool Wakes { get; set; }

    /// <summary>Every agent that held it, the last one first.</summary>
    public List<string> Holders { get; } = [];
    public (string Agent, string Ended, long At, string Note)? Previous { get; set; }
    public long UsedAt { get; set; }
}
