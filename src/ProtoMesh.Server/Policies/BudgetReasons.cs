using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Budgets;

namespace ProtoMesh.Server.Policies;

/// <summary>Says what was reserved, or why a budget did not have that much.</summary>
internal static class BudgetReasons
{
    public static BudgetObligation Met(ObligationResult result, bool isDryRun, DateTimeOffset now)
    {
        var (hold, record) = (((Obligation.Budget)result.Obligation).Hold, result.Reservation!);
        return new BudgetObligation
        {
            Rule = result.Obligation.Rule.Id,
            ReservationId = isDryRun ? null : hold.ReservationId,
            Unit = record.Unit,
            Amount = record.Amount,
            ExpiresAt = record.ExpiresAt,
            ExpiresInMs = record.IsOver(now) ? 0 : (long)(record.ExpiresAt - now).TotalMilliseconds,
            Budgets = [.. record.Lines.Select(line => line.Line)],
        };
    }

    /// <summary>What a reservation will be, before the store was asked.</summary>
    public static BudgetObligation Wanted(Obligation.Budget budget, DateTimeOffset now) => new()
    {
        Rule = budget.Rule.Id,
        ReservationId = budget.Hold.ReservationId,
        Unit = budget.Hold.Unit,
        Amount = budget.Hold.Amount,
        ExpiresAt = now.AddMilliseconds(budget.Hold.HoldMs),
        ExpiresInMs = budget.Hold.HoldMs,
        Budgets = [],
    };

    public static PolicyReason Of(Obligation.Budget budget, ObligationResult result, string at)
    {
        var (rule, hold) = (budget.Rule, budget.Hold);
        var full = result.Verdict == "full" ? BudgetProblems.Full(result.Reservation!) : [];
        var values = full.ToDictionary(line => $"budget['{line.Name}'].left", line => Number(line.Left), StringComparer.Ordinal);
        values["amount"] = Number(hold.Amount);
        return new PolicyReason
        {
            Rule = rule.Id,
            Code = rule.Code,
            Effect = "budget",
            Message = result.Verdict switch
            {
                "full" => BudgetProblems.Sentence(full, hold.Amount),
                "ended" => $"The reservation {hold.ReservationId} is over, or was made for an action of more than a minute ago; send another request_id.",
                "conflict" => $"The reservation {hold.ReservationId} was made for something else; send another request_id.",
                _ => "The window of a budget ended while it was asked; ask again.",
            },
            At = at,
            Values = values,
            ToChange = result.Verdict != "full" ? ["send another request_id"]
                : [$"ask for at most {BudgetAmounts.Shown(full.Min(line => line.Left), hold.Unit)}", .. result.InMs > 0 ? [string.Create(CultureInfo.InvariantCulture, $"or wait {result.InMs} ms")] : Array.Empty<string>()],
            RetryAfterMs = result.InMs > 0 ? result.InMs : null,
        };
    }

    private static JsonElement Number(long number) => JsonElement.Parse(number.ToString(CultureInfo.InvariantCulture));
}
