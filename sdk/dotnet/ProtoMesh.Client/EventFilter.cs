namespace ProtoMesh;

/// <summary>Which events to follow; what is null lets everything through.</summary>
public sealed record EventFilter
{
    /// <summary><c>type/id</c> of a resource.</summary>
    public string? Resource { get; init; }

    /// <summary>Whose.</summary>
    public string? AgentId { get; init; }

    /// <summary>A type of event, such as <c>lock.granted</c>.</summary>
    public string? Type { get; init; }

    /// <summary>A namespace; the client's.</summary>
    public string? Namespace { get; init; }
}
