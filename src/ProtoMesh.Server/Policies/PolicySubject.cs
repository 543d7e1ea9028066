using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>Where a trusted input came from.</summary>
internal enum FactSource
{
    /// <summary>Nobody said anything.</summary>
    Default,

    /// <summary>The caller said so, and nobody checked.</summary>
    Claimed,

    /// <summary>The service's configuration says so.</summary>
    Configured,

    /// <summary>The caller's key says so.</summary>
    Key,
}

/// <summary>A value and where it came from.</summary>
internal readonly record struct Fact<T>(T Value, FactSource Source);

/// <summary>Who asks, and about which resource: what rules may trust as far as its source is trusted.</summary>
internal sealed record PolicySubject
{
    /// <summary>The inputs whose source an answer tells.</summary>
    public static readonly string[] TrustedPaths = ["agent.id", "agent.labels", "agent.role", "agent.roles", "agent.team", "resource.labels", "resource.team"];
    private static readonly CelValue NoLabels = CelValue.Map(CelMap.Empty);

    public required Fact<string> AgentId { get; init; }

    public required Fact<string> Role { get; init; }

    /// <summary>With the role among them.</summary>
    public required Fact<IReadOnlyList<string>> Roles { get; init; }

    public required Fact<string> Team { get; init; }

    public Fact<IReadOnlyDictionary<string, string>?> Labels { get; init; } = new(null, FactSource.Default);

    public ResourceName? Resource { get; init; }

    public required Fact<string> ResourceTeam { get; init; }

    public required Fact<IReadOnlyDictionary<string, string>?> ResourceLabels { get; init; }

    public FactSource SourceOf(string path) => path switch
    {
        "agent.id" => AgentId.Source,
        "agent.labels" => Labels.Source,
        "agent.role" => Role.Source,
        "agent.roles" => Roles.Source,
        "agent.team" => Team.Source,
        "resource.labels" => ResourceLabels.Source,
        _ => ResourceTeam.Source,
    };

    public CelValue AgentValue() => CelValue.Record(new CelRecord(PolicyVariables.AgentType,
    [
        CelValue.Of(AgentId.Value), CelValue.Of(Role.Value), CelValue.List([.. Roles.Value.Select(CelValue.Of)]), CelValue.Of(Team.Value),
        MapOf(Labels.Value),
    ]));

    public CelValue ResourceValue() => CelValue.Record(new CelRecord(PolicyVariables.ResourceType,
    [
        Resource is { } name ? CelValue.Of(name.Short) : default, Resource is { } typed ? CelValue.Of(typed.Type) : default, Resource is { } known ? CelValue.Of(known.Id) : default,
        CelValue.Of(ResourceTeam.Value),
        MapOf(ResourceLabels.Value),
    ]));

    private static CelValue MapOf(IReadOnlyDictionary<string, string>? labels) =>
        labels is { Count: > 0 } ? CelValue.Map(CelMap.Of(labels.Select(label => (CelValue.Of(label.Key), CelValue.Of(label.Value))))) : NoLabels;
}

/// <summary>The lease that is asked for together with an action.</summary>
internal sealed record RequestFacts(string Mode, int Units, int Priority, long TtlMs, long WaitMs, long MaxHoldMs, bool IsDetached, bool IsReentrant = false)
{
    public static readonly CelValue None = CelValue.Record(new CelRecord(PolicyVariables.RequestType, new CelValue[7]));

    /// <summary>How long a grant of it lives at least when nobody renews it; one that joins an older hold may end with that.</summary>
    public long LivesAtLeastMs => IsReentrant ? 0 : Math.Min(TtlMs, MaxHoldMs);

    /// <summary>As rules see it.</summary>
    /// <param name="facts">Null in a plain check.</param>
    /// <param name="approval"><c>request.approval</c>; <c>default</c> when none is shown.</param>
    public static CelValue ValueOf(RequestFacts? facts, CelValue approval) =>
        facts is not null ? facts.Value(approval)
        : approval.Kind == CelKind.Record ? CelValue.Record(new CelRecord(PolicyVariables.RequestType, [.. new CelValue[7], approval])) : None;

    public CelValue Value(CelValue approval = default) => CelValue.Record(new CelRecord(PolicyVariables.RequestType,
    [
        CelValue.Of(Mode), CelValue.Of((long)Priority), CelValue.Of(TtlMs), CelValue.Of(WaitMs), CelValue.Of(MaxHoldMs), CelValue.Of((long)Units), CelValue.Of(IsDetached),
        approval,
    ]));
}

/// <summary>How a resource is held.</summary>
/// <param name="Lease">The caller's own lease, when it showed the token of one.</param>
/// <param name="AgentId">Who holds it; the first of several.</param>
/// <param name="Mode">In which mode.</param>
/// <param name="ExpiresInMs">How long that lease still lives.</param>
/// <param name="Waiters">How many wait for it.</param>
internal sealed record LockFacts(HeldLease? Lease, string? AgentId, string? Mode, long? ExpiresInMs, long Waiters)
{
    public static readonly LockFacts Free = new(null, null, null, null, 0);

    public CelValue Value() => CelValue.Record(new CelRecord(PolicyVariables.LockType,
    [
        CelValue.Of(AgentId is not null || Lease is not null), CelValue.Of(Lease is not null), AgentId is null ? default : CelValue.Of(AgentId), Mode is null ? default : CelValue.Of(Mode),
        ExpiresInMs is null ? default : CelValue.Of(ExpiresInMs.Value), CelValue.Of(Waiters),
    ]));
}

/// <summary>A live lease whose token was shown.</summary>
internal sealed record HeldLease(string LockId, string Mode, long ExpiresInMs);
