using System.Text.Json.Nodes;

namespace ProtoMesh.Contracts.Legacy;

/// <summary>The body of <c>POST /v1/policies/check</c>.</summary>
public sealed record LegacyPolicyCheck
{
    /// <summary>Who wants to act: 1-128 bytes without control characters.</summary>
    public required string AgentId { get; init; }

    /// <summary>What it wants to do.</summary>
    public required string Action { get; init; }

    /// <summary><c>estimated_cost</c>, <c>agent_role</c>, <c>agent_team</c> and <c>resource_team</c> are looked at.</summary>
    public required JsonObject Metadata { get; init; }
}

/// <summary>The answer of <c>POST /v1/policies/check</c>.</summary>
public sealed record LegacyDecision
{
    /// <summary>Whether the agent may.</summary>
    public required bool Allowed { get; init; }

    /// <summary>Why, in a sentence.</summary>
    public required string Reason { get; init; }
}
