namespace ProtoMesh.Tests.Locks.Model;

/// <summary>The settings that decide order and time; all in milliseconds but the last.</summary>
/// <param name="Ageing">What a level of priority is worth; 0 is FIFO, negative is strict priority.</param>
/// <param name="MaxQueue">How many may wait for one resource.</param>
internal sealed record LeaseSettings(long Ageing, long Liveness, long Claim, long Retention, long Memory, int MaxQueue)
{
    public static LeaseSettings Default { get; } = new(300_000, 15_000, 10_000, 120_000, 3_600_000, 100_000);

    /// <summary>ARGV[2] of every script.</summary>
    public string Text => $"{Ageing} {Liveness} {Claim} {Retention} {Memory} {MaxQueue}";
}

/// <summary>One resource of a request. Mode is x (exclusive), s (shared) or l (slots).</summary>
internal sealed record Want(string Name, char Mode = 'x', int Capacity = 1, int Units = 1)
{
    public char Family => Mode == 'l' ? 'l' : 'x';

    public override string ToString() => $"{Mode},{Capacity},{Units},{Name}";
}

/// <summary>A token as a command names it: that of a request, off by something; 1 when that request has none.</summary>
internal sealed record TokenOf(string Id, long Off = 0)
{
    public override string ToString() => Off == 0 ? $"token({Id})" : $"token({Id}){Off:+0;-0}";
}

/// <summary>What a caller submits. The digest stands for everything that makes it the same request.</summary>
internal sealed record Submission(
    string Id, string Agent, string Session, string Wants, int Priority = 5, long Ttl = 30_000, long Wait = 30_000,
    long MaxHold = 3_600_000, long Drain = 0, bool Detached = false, bool Reentrant = false)
{
    public IReadOnlyList<Want> Parts { get; } =
        [.. Wants.Split(' ').Select(text => text.Split(',')).Select(part => new Want(part[3], part[0][0], int.Parse(part[1]), int.Parse(part[2])))];

    public string Digest => $"{Wants}|{Agent}|{Session}".Replace(' ', '&');

    public override string ToString() =>
        $"{Id} {Agent}/{Session} [{Wants}] priority={Priority} ttl={Ttl} wait={Wait} max_hold={MaxHold} drain={Drain}" +
        (Detached ? " detached" : "") + (Reentrant ? " reentrant" : "");
}

/// <summary>One call of one script.</summary>
internal abstract record LeaseCommand
{
    internal sealed record Acquire(Submission Of) : LeaseCommand;

    internal sealed record Consider(Submission Of) : LeaseCommand;

    internal sealed record Wait(string Id) : LeaseCommand;

    internal sealed record Renew(IReadOnlyList<Renewal> Of) : LeaseCommand
    {
        public override string ToString() => $"Renew {string.Join("; ", Of)}";
    }

    internal sealed record Renewal(string Id, TokenOf Token, long? Ttl = null, string Progress = "");

    internal sealed record Release(string Id, TokenOf Token, string Note = "") : LeaseCommand;

    internal sealed record Cancel(string Id, string Cause = "cancel") : LeaseCommand;

    internal sealed record Transfer(string Id, TokenOf Token, string HeirId, string Agent, string Session = "") : LeaseCommand;

    internal sealed record Reprioritize(string Id, int Priority) : LeaseCommand;

    internal sealed record ForceRelease(string Name, string Reason = "why", bool Immediate = false) : LeaseCommand;

    internal sealed record Tick : LeaseCommand;

    internal sealed record Touch(IReadOnlyList<string> Ids) : LeaseCommand
    {
        public override string ToString() => $"Touch {string.Join(' ', Ids)}";
    }

    internal sealed record Fence(string Name, TokenOf Token) : LeaseCommand;

    internal sealed record Read(string Id, int Ahead = 5) : LeaseCommand;
}
