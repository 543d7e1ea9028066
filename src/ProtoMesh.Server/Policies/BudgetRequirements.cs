using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>Turns a rule that requires budgets into what is reserved; an amount or a key that cannot be told makes the rule deny.</summary>
internal static class BudgetRequirements
{
    public static Obligation.Budget? Of(RuleHit hit, BudgetRequirement need, PolicyQuestion question, PolicyEvaluation evaluation)
    {
        if (question.IsRepeated)
        {
            return null;
        }

        var unit = need.Budgets[0].Definition.Unit;
        var (amount, fault) = AmountOf(evaluation.Evaluate(need.Amount, hit.Slots), unit);
        var slots = new List<BudgetSlot>();
        foreach (var budget in need.Budgets)
        {
            var (slot, problem) = budget.SlotOf(key => evaluation.Evaluate(key, hit.Slots));
            fault ??= problem;
            slots.Add(slot);
        }

        if (fault is not null)
        {
            evaluation.Against.Add(hit with { Fault = fault });
            return null;
        }

        return new Obligation.Budget(hit.Rule, question.Namespace, new BudgetHold
        {
            ReservationId = "", Digest = "", AgentId = question.AgentId, Unit = unit, Amount = amount, HoldMs = (long)need.Hold.TotalMilliseconds + question.BeginsWithinMs,
            Slots = slots, RunId = question.RunId, Rule = hit.Rule.Id,
        });
    }

    /// <summary>
    /// The same with ids: the request's, or else the decision's; a second reservation's ends with -2. A rule that holds for several
    /// resources with the same amount of the same budgets reserves once.
    /// </summary>
    public static IReadOnlyList<Obligation> Named(IReadOnlyList<Obligation> obligations, PolicyQuestion question, string decisionId)
    {
        if (!obligations.Any(obligation => obligation is Obligation.Budget))
        {
            return obligations;
        }

        var named = new List<Obligation>();
        var (enforced, recorded) = (0, 0);
        foreach (var obligation in obligations)
        {
            if (obligation is not Obligation.Budget budget)
            {
                named.Add(obligation);
            }
            else if (!named.OfType<Obligation.Budget>().Any(other => IsSame(other, budget)))
            {
                // What is only recorded holds nothing, so its id is nobody's.
                var suffix = budget.Rule.IsAudit ? string.Create(CultureInfo.InvariantCulture, $"-audit-{++recorded}")
                    : ++enforced == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"-{enforced}");
                named.Add(budget with { Hold = budget.Hold with { ReservationId = $"{question.RequestId ?? decisionId}{suffix}", Digest = DigestOf(budget.Rule, question, decisionId) } });
            }
        }

        return named;
    }

    private static bool IsSame(Obligation.Budget one, Obligation.Budget other) =>
        one.Rule == other.Rule && one.Hold.Amount == other.Hold.Amount && one.Hold.Slots.SequenceEqual(other.Hold.Slots);

    private static string DigestOf(PolicyRule rule, PolicyQuestion question, string decisionId) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{question.TakerOf(decisionId)}\u0001{rule.Id}")).AsSpan(0, 12));

    /// <summary>A number of dollars, or a whole number of any other unit.</summary>
    private static (long Amount, CelFault? Fault) AmountOf(CelValue value, string unit)
    {
        if (value.Fault is { } fault)
        {
            return (0, fault);
        }

        const double Beyond = 1e16;
        var number = value.Kind switch
        {
            CelKind.Int => value.AsInt,
            CelKind.Uint => value.AsUint,
            CelKind.Double when Math.Abs(value.AsDouble) < Beyond => (decimal)value.AsDouble,
            _ => (decimal?)null,
        };
        var amount = number is not { } told ? null : unit == BudgetAmounts.Usd ? BudgetAmounts.OfDollars(told)
            : told is >= 0 and <= BudgetAmounts.Most && decimal.IsInteger(told) ? (long)told : (long?)null;
        return amount is { } good ? (good, null) : (0, new CelFault(
            unit == BudgetAmounts.Usd ? $"the amount is a number of dollars, 0 to 9000000000, not {value.ToLiteral()}"
                : $"the amount is a whole number of {unit}, 0 to {BudgetAmounts.Most}, not {value.ToLiteral()}", default));
    }
}
