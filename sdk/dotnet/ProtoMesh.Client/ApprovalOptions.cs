using System.Text.Json.Nodes;

namespace ProtoMesh;

/// <summary>What else belongs to a request for approval: it is bound to all of it.</summary>
public sealed record ApprovalOptions
{
    /// <summary>What this agent says of the action, for the policy's rules and for whoever decides: at most 16 KB.</summary>
    public JsonObject? Metadata { get; init; }

    /// <summary>1-128 bytes: the run that it belongs to.</summary>
    public string? RunId { get; init; }

    /// <summary>Why, up to 500 bytes: shown to whoever decides.</summary>
    public string? Reason { get; init; }

    /// <summary>Who asks; the client's.</summary>
    public string? AgentId { get; init; }

    /// <summary>The resources' namespace; the client's.</summary>
    public string? Namespace { get; init; }
}
