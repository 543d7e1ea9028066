using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Budgets;

/// <summary>The body of <c>POST /v1/budgets/reservations</c>: holds an amount on all named budgets, or on none.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ReserveBudget
{
    /// <summary>8-64 of <c>[A-Za-z0-9_-]</c>: the same id with the same content is the same reservation. Made by the server if absent.</summary>
    public string? ReservationId { get; init; }

    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>Who spends: 1-128 bytes without control characters, required.</summary>
    public string? AgentId { get; init; }

    /// <summary>1-8 budgets of one unit, each once, as the active policy names them; required.</summary>
    public IReadOnlyList<string>? Budgets { get; init; }

    /// <summary>0-9,000,000,000,000,000 in the budgets' unit; micro-dollars for <c>usd</c>. Either this or <see cref="Estimate"/>.</summary>
    public long? Amount { get; init; }

    /// <summary>What the call will use at most; the price table makes an amount of it.</summary>
    public TokenUsage? Estimate { get; init; }

    /// <summary>How long the amount is held for a commit: 1,000-86,400,000 ms; 600,000.</summary>
    public long? HoldMs { get; init; }

    /// <summary><c>run.id</c> for the budgets' keys: 1-128 bytes without control characters.</summary>
    public string? RunId { get; init; }

    /// <summary>What the budgets' keys may read, a JSON object of at most 16 KB.</summary>
    public JsonElement? Metadata { get; init; }
}

/// <summary>What a model call used, or will use at most.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TokenUsage
{
    /// <summary>The model's name as the price table has it: 1-128 bytes, required.</summary>
    public string? Model { get; init; }

    /// <summary>Tokens read at the full price: 0-1,000,000,000; 0.</summary>
    public long? InputTokens { get; init; }

    /// <summary>Tokens read from the provider's cache, which are not among <see cref="InputTokens"/>; 0.</summary>
    public long? CachedInputTokens { get; init; }

    /// <summary>Tokens written to the provider's cache, which are not among <see cref="InputTokens"/>; 0.</summary>
    public long? CacheWriteTokens { get; init; }

    /// <summary>Tokens written, reasoning included; 0.</summary>
    public long? OutputTokens { get; init; }

    /// <summary>True at the price of a batch; false.</summary>
    public bool? Batch { get; init; }
}

/// <summary>The body of <c>POST /v1/budgets/reservations/{id}/commit</c>: what it really cost. One of the two at least.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CommitBudget
{
    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>The real cost: 0-9,000,000,000,000,000 in the reservation's unit. Absent: what <see cref="Usage"/> costs by the price table.</summary>
    public long? Actual { get; init; }

    /// <summary>What was used. With <see cref="Actual"/> it is held against it.</summary>
    public TokenUsage? Usage { get; init; }
}

/// <summary>The body of <c>POST /v1/budgets/reservations/{id}/release</c>: nothing was spent.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ReleaseBudget
{
    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }
}

/// <summary>The body of <c>POST /v1/budgets/{name}/top-up</c>: raises the cap of the present window.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TopUpBudget
{
    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>Whose counter; required where the budget has a key.</summary>
    public string? Key { get; init; }

    /// <summary>1-9,000,000,000,000,000 in the budget's unit; required.</summary>
    public long? Amount { get; init; }

    /// <summary>Why: 1-500 bytes without control characters; required.</summary>
    public string? Reason { get; init; }

    /// <summary>8-64 of <c>[A-Za-z0-9_-]</c>: the same id tops up once.</summary>
    public string? TopUpId { get; init; }
}

/// <summary>The body of <c>POST /v1/budgets/{name}/rebuild</c>: sets a counter to what the ledger says.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RebuildBudget
{
    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>Whose counter; required where the budget has a key.</summary>
    public string? Key { get; init; }
}
