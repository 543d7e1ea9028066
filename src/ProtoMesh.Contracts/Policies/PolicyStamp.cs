namespace ProtoMesh.Contracts.Policies;

/// <summary>The decision that a lease was asked for with.</summary>
public sealed record PolicyStamp
{
    /// <summary>Finds it in <c>GET /v1/decisions</c>.</summary>
    public required string DecisionId { get; init; }

    /// <summary>Which version of which document decided.</summary>
    public required PolicyReference Policy { get; init; }

    /// <summary>What was reserved in budgets, and the approval that was used; absent when neither was required. The budgets as they stood are in the first answer alone.</summary>
    public PolicyObligations? Obligations { get; init; }
}
