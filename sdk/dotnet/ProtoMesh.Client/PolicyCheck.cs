using System.Text.Json.Nodes;

namespace ProtoMesh;

/// <summary>A question to the policy: may this agent do this now? An action alone is a question too.</summary>
public sealed record PolicyCheck
{
    /// <summary>What it wants to do, such as <c>customer.update</c>, 1-128 bytes.</summary>
    public required string Action { get; init; }

    /// <summary>The <c>type/id</c> that it wants to do it to; that of <see cref="Lease"/> if it holds one resource.</summary>
    public string? Resource { get; init; }

    /// <summary>What this agent says of the action: the rules read the fields that the policy declares. At most 16 KB.</summary>
    public JsonObject? Metadata { get; init; }

    /// <summary>The agent's lease on the resource, for rules that require one.</summary>
    public Lease? Lease { get; init; }

    /// <summary>The lease's token, where the lease itself is in another process.</summary>
    public long? FencingToken { get; init; }

    /// <summary>Who asks; the lease's holder, else the client's.</summary>
    public string? AgentId { get; init; }

    /// <summary>
    /// 8-64 of <c>[A-Za-z0-9_-]</c>: a repetition of the same id takes no second place in a rate. By default a new UUIDv7.
    /// </summary>
    public string? RequestId { get; init; }

    /// <summary>1-128 bytes: the run that the action belongs to, <c>run.id</c> for the rules.</summary>
    public string? RunId { get; init; }

    /// <summary>The approval that the action was given; an allow uses it up.</summary>
    public string? ApprovalId { get; init; }

    /// <summary>The resource's namespace; the lease's, else the client's.</summary>
    public string? Namespace { get; init; }

    /// <summary>An action alone.</summary>
    public static implicit operator PolicyCheck(string action) => new() { Action = action };
}
