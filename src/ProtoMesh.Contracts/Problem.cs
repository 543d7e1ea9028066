using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Contracts;

/// <summary>
/// What went wrong, as RFC 9457 has it (<c>application/problem+json</c>), with a stable <see cref="Code"/> and the next
/// step. The members after <see cref="TraceId"/> belong to single codes and are absent for all others.
/// </summary>
public sealed record Problem
{
    /// <summary><c>https://protomesh.dev/problems/{code}</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The same short sentence for every problem with this code.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What happened here, for a person or a model.</summary>
    public string? Detail { get; init; }

    /// <summary>A code of the catalogue; clients decide by it.</summary>
    public required string Code { get; init; }

    /// <summary>True when the same request may succeed later.</summary>
    public required bool Retryable { get; init; }

    /// <summary>Milliseconds after which a retry makes sense.</summary>
    public long? RetryAfterMs { get; init; }

    /// <summary>What the caller can do now.</summary>
    public string? NextStep { get; init; }

    /// <summary>Finds the request in the server's log.</summary>
    public string? TraceId { get; init; }

    /// <summary>The resource that the problem is about.</summary>
    public string? Resource { get; init; }

    /// <summary>The place in the queue that the request had or would have had.</summary>
    public int? Position { get; init; }

    /// <summary>Who holds what the request needs.</summary>
    public IReadOnlyList<Blocker>? BlockedBy { get; init; }

    /// <summary>The request that the problem is about.</summary>
    public string? LockId { get; init; }

    /// <summary>The state of that request, one of <see cref="LockState"/>.</summary>
    public string? State { get; init; }

    /// <summary>When the lease was lost, by the store's clock.</summary>
    public DateTimeOffset? LostAt { get; init; }

    /// <summary>Why the request ended: a state of <see cref="LockState"/>, or <c>max_hold</c>.</summary>
    public string? EndedBecause { get; init; }

    /// <summary>What the policy said; with <c>policy_denied</c>.</summary>
    public PolicyDecision? Decision { get; init; }

    /// <summary>The setting of the namespace that is reached, such as <c>max_held_leases</c>; with <c>namespace_limit</c> and <c>rate_limited</c>.</summary>
    public string? Limit { get; init; }

    /// <summary>Its value.</summary>
    public long? LimitValue { get; init; }

    /// <summary>The budgets as they stand; with <c>budget_exceeded</c>.</summary>
    public IReadOnlyList<BudgetLine>? Budgets { get; init; }

    /// <summary>Each field that broke a rule.</summary>
    public IReadOnlyList<FieldError>? Errors { get; init; }
}

/// <summary>A field of a request that broke a rule.</summary>
public sealed record FieldError
{
    /// <summary>Its path, such as <c>resources[2].mode</c>.</summary>
    public required string Field { get; init; }

    /// <summary>The rule, such as <c>0 to 9, higher is sooner</c>.</summary>
    public required string Rule { get; init; }

    /// <summary>What was sent; absent when nothing was, or when it is too long to repeat.</summary>
    public JsonNode? Value { get; init; }
}
