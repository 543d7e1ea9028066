namespace ProtoMesh;

/// <summary>
/// What a guard asks for: the metadata of its action, and priority, waiting time and so on of its lease. A guard without
/// a resource reads of these only who asks, the namespace, the request id and the metadata.
/// </summary>
public sealed record GuardOptions : LeaseOptions
{
    /// <summary>What becomes of the action when the service cannot be reached; it is not done.</summary>
    public OnUnavailable OnUnavailable { get; init; }
}

/// <summary>What becomes of a guarded action when the service cannot be reached.</summary>
public enum OnUnavailable
{
    /// <summary>It is denied.</summary>
    Closed,

    /// <summary>It runs without a lease and without a decision, and <see cref="MeshClientOptions.OnWarning"/> is told.</summary>
    Open,
}
