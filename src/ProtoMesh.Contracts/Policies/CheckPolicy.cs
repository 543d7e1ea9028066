using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Policies;

/// <summary>The body of <c>POST /v1/policies/check</c>: may this agent do this now?</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CheckPolicy
{
    /// <summary>Who asks: 1-128 bytes without control characters, required.</summary>
    public string? AgentId { get; init; }

    /// <summary>What it wants to do, such as <c>customer.update</c>: 1-128 of <c>[A-Za-z0-9_.:/-]</c>, required.</summary>
    public string? Action { get; init; }

    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>The <c>type/id</c> that it wants to do it to.</summary>
    public string? Resource { get; init; }

    /// <summary>The token of the caller's lease on <see cref="Resource"/>, for rules that require one.</summary>
    public long? FencingToken { get; init; }

    /// <summary>8-64 of <c>[A-Za-z0-9_-]</c>: a repetition of the same id takes no second place in a rate and reserves nothing twice. Made by the server if absent.</summary>
    public string? RequestId { get; init; }

    /// <summary>The run that the action belongs to, for budgets of a run: 1-128 bytes without control characters.</summary>
    public string? RunId { get; init; }

    /// <summary>What the caller says of the action, a JSON object of at most 16 KB: the rules read the fields that the policy declares.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>The approval that the agent was given for this very question. It is used up by an allow; the same <see cref="RequestId"/> uses it once.</summary>
    public string? ApprovalId { get; init; }
}

/// <summary>The body of <c>POST /v1/policies/check-batch</c>: 1-100 checks, each decided alone.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CheckPolicies
{
    /// <summary>The checks; what one decides does not change what another does, except that rates are taken in this order.</summary>
    public IReadOnlyList<CheckPolicy>? Checks { get; init; }
}

/// <summary>The answer: one result for each check, in the order of the call.</summary>
public sealed record PolicyDecisions
{
    /// <summary>A decision, or why there is none.</summary>
    public required IReadOnlyList<PolicyResult> Results { get; init; }
}

/// <summary>One of the two is there.</summary>
public sealed record PolicyResult
{
    /// <summary>What was decided.</summary>
    public PolicyDecision? Decision { get; init; }

    /// <summary>What was wrong with the check.</summary>
    public Problem? Problem { get; init; }
}
