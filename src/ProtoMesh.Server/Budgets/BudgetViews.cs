using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Server.Budgets;

/// <summary>What the wire shows.</summary>
internal static class BudgetViews
{
    public static Budget Of(BudgetDefinition budget) => new()
    {
        Name = budget.Name, Unit = budget.Unit, Cap = budget.Cap, Key = budget.Key, Alert = budget.Alerts,
        Window = budget.Window switch
        {
            BudgetWindow.Rolling rolling => new BudgetWindowKind { RollingMs = (long)rolling.Span.TotalMilliseconds },
            BudgetWindow.Calendar calendar => new BudgetWindowKind { Calendar = calendar.Period, Tz = calendar.Tz },
            _ => new BudgetWindowKind { Lifetime = true },
        },
    };

    public static BudgetUsage Of(CounterView counter, long? ledgerSpent, DateTimeOffset now) => new()
    {
        Name = counter.Name, Key = NullIfEmpty(counter.Key), Unit = counter.Unit, Cap = counter.Limit, ToppedUp = counter.ToppedUp, Spent = counter.Spent, Held = counter.Held,
        Left = counter.Left, Disputed = counter.Disputed, WindowStartedAt = counter.StartedAt, WindowEndsAt = counter.EndsAt, LedgerSpent = ledgerSpent,
        Drift = counter.Spent - ledgerSpent, AsOf = now,
    };

    public static LedgerEntry Of(LedgerRow row) => new()
    {
        Id = row.Id, At = row.At, Kind = row.Kind, Budget = row.Budget, Key = NullIfEmpty(row.Key), ReservationId = row.ReservationId, AgentId = row.AgentId, RunId = row.RunId,
        Amount = row.Amount, Actual = row.Actual, Late = row.Late ? true : null, Overrun = row.Overrun ? true : null, Verification = row.Verification, Claimed = row.Claimed,
        Recomputed = row.Recomputed, Model = row.Model, PriceTable = row.PriceTable, Reason = row.Reason, By = row.By,
    };

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
