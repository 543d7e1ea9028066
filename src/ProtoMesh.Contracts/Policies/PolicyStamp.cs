namespace ProtoMesh.Contracts.Policies;

/// <summary>The decision that a lease was asked for with.</summary>
public sealed record PolicyStamp
{
    /// <summary>Finds it in <c>GET /v1/decisions</c>.</summary>
    public required string DecisionId { get; init; }

    /// <summary>Which version of which document decided.</summary>
    public required PolicyReference Policy { get; init; }
}
