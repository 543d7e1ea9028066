using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Server.Budgets;

/// <summary>What tokens are worth in a budget's unit: micro-dollars by the price table, or their number.</summary>
internal static class TokenCosts
{
    public static bool IsFor(string unit) => unit is BudgetAmounts.Usd or BudgetAmounts.Tokens;

    /// <summary>Null when the model has no price; not priced when a worst case stood in for it.</summary>
    public static (long Amount, bool IsPriced)? Of(PriceTable prices, TokenUsage usage, string unit, DateTimeOffset at) => unit == BudgetAmounts.Tokens
        ? ((usage.InputTokens ?? 0) + (usage.CachedInputTokens ?? 0) + (usage.CacheWriteTokens ?? 0) + (usage.OutputTokens ?? 0), true)
        : prices.CostOf(usage, at);
}
