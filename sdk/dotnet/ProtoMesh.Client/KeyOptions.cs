namespace ProtoMesh;

/// <summary>What a key may do and whom it speaks for. What is null is left to the service's default.</summary>
public sealed record KeyOptions
{
    /// <summary>What it is called: 1-128 bytes.</summary>
    public string? Name { get; init; }

    /// <summary>What it is for: 1-500 bytes.</summary>
    public string? Comment { get; init; }

    /// <summary>The only namespace that it sees; <c>*</c>, all of them, for an admin alone. The client's, else the maker's.</summary>
    public string? Namespace { get; init; }

    /// <summary>The agent that it speaks for. The role <c>agent</c> needs this or <see cref="AgentPrefix"/>.</summary>
    public string? AgentId { get; init; }

    /// <summary>What the ids of the agents begin with that it may speak for.</summary>
    public string? AgentPrefix { get; init; }

    /// <summary><c>agent.team</c> for the policies.</summary>
    public string? Team { get; init; }

    /// <summary><c>agent.labels</c> for the policies. The label <c>role</c> is their <c>agent.role</c>.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>The groups that it decides approvals for, at most 16.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>0-9: the highest priority that it may ask for.</summary>
    public int? MaxPriority { get; init; }

    /// <summary>1 s to 1 h: the longest ttl that it may ask for.</summary>
    public TimeSpan? MaxTtl { get; init; }

    /// <summary>When it ends by itself; never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}
