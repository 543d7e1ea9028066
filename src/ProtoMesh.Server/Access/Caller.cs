using ProtoMesh.Contracts;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>Who calls: a key, or anybody while the service is open. What a request says of itself gives way to it.</summary>
internal sealed class Caller(AccessKey? key, byte[]? proof = null, KeyRing? ring = null)
{
    /// <summary>What stands in place of the ids of others' leases.</summary>
    public const string Hidden = "hidden";

    /// <summary>Whoever reaches a service without keys.</summary>
    public static Caller Anybody { get; } = new(null);

    /// <summary>What policies may trust; null while they have to take the caller's word.</summary>
    public KeyFacts? Facts => key?.Facts;

    /// <summary>The only namespace that it sees; null for all of them.</summary>
    public string? Namespace => key?.Namespace;

    /// <summary>Whose leases it may keep, for the scripts; empty for anybody's.</summary>
    public string Guard => key?.Guard ?? "";

    public int? MaxPriority => key?.MaxPriority;

    public long? MaxTtlMs => key?.MaxTtlMs;

    /// <summary>The id of its key, for what is written down.</summary>
    public string? KeyId => key?.Id;

    /// <summary>The groups of approvers that its key is of.</summary>
    public IReadOnlyList<string> Groups => key?.Groups ?? [];

    /// <summary>The only agent that it may be; null for several or all.</summary>
    public string? OnlyAgent => key?.AgentId;

    /// <summary>What the agents begin with that it may be; null for one or all.</summary>
    public string? OnlyAgentsFrom => key?.AgentPrefix;

    /// <summary>Its name and the id of its key, for what is written down and shown; null for anybody.</summary>
    public string? Name { get; } = key is null ? null : key.Name is null ? key.Id : $"{key.Name} ({key.Id})";

    /// <summary>Only agents are kept from the ids of others; people and services that watch need them.</summary>
    public bool SeesAllIds => key is null || key.Role != Roles.Agent;

    /// <summary>Whose entries an agent sees of a list that others have entries in: those of one id, or of all that begin with it. Null for everybody's.</summary>
    public (string Only, bool IsPrefix)? Own => key is null || SeesAllIds ? null : key.AgentId is { } only ? (only, false) : (key.AgentPrefix ?? "", true);

    /// <summary>
    /// True when its key, or the secret that was shown, has ended since the call began, or the service is not open any more.
    /// That matters to calls that last.
    /// </summary>
    public bool IsOver(DateTimeOffset now) => key is null ? ring?.Mode == AccessMode.Keys
        : key.Use.Now is { } today && !(today.IsGood(now) && (proof is null || today.HasDigest(proof, now)));

    /// <exception cref="InvalidOperationException">The call did not come through <see cref="AccessGuard"/>.</exception>
    public static Caller Of(HttpContext context) => context.Features.Get<Caller>() ?? throw new InvalidOperationException("Nobody looked at who calls.");

    /// <summary>The namespace of a request; a problem when it names one that its key is not for.</summary>
    public Problem? Enter(string? named, out string? space)
    {
        // What is no namespace at all is left to the call, which names the rule.
        var isNone = named is not null && !ResourceName.IsNamespace(named);
        space = isNone ? named : key?.Namespace ?? named;
        return named is null || named == space ? null : UnknownNamespace(named);
    }

    /// <summary>The agent of a request; a problem when it names one that its key does not speak for.</summary>
    public Problem? ActAs(string? named, out string? agentId)
    {
        agentId = named ?? key?.AgentId;
        return named is null || MayBe(named) ? null : Problems.Of("agent_mismatch", key!.AgentId is { } only
            ? $"This key speaks for the agent {only} alone." : $"This key speaks for the agents that begin with {key.AgentPrefix}.");
    }

    /// <summary>Both at once; the first problem counts.</summary>
    public Problem? Admit(string? namedSpace, string? namedAgent, out string? space, out string? agentId)
    {
        var foreign = Enter(namedSpace, out space);
        return ActAs(namedAgent, out agentId) is { } other ? foreign ?? other : foreign;
    }

    /// <summary>Whether it may act as this agent.</summary>
    public bool MayBe(string agentId) => key is null
        || (key.AgentId is { } only ? agentId == only : key.AgentPrefix is not { } prefix || agentId.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>Whether it may see ids of this agent's leases.</summary>
    public bool Sees(string agentId) => MayKeep(agentId);

    /// <summary>Whether it may act on this agent's leases.</summary>
    public bool MayKeep(string agentId) => SeesAllIds || MayBe(agentId);

    /// <summary>Whether something in this namespace is there for it.</summary>
    public bool IsIn(string space) => key?.Namespace is not { } own || own == space;

    /// <summary>The answer to a call whose key ended before it did.</summary>
    public static Problem Ended => Problems.Of("unauthorized", "The key of this call was revoked, rotated or expired while it waited.");

    public static Problem UnknownNamespace(string space) => Problems.Of("namespace_unknown", $"There is no namespace {space} for this key.");
}
