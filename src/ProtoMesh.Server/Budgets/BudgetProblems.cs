using ProtoMesh.Contracts;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Budgets;

/// <summary>Says in words why a call about budgets is refused.</summary>
internal static class BudgetProblems
{
    /// <summary>The counters that do not have as much left as the reservation asks for.</summary>
    public static IReadOnlyList<CounterView> Full(ReservationRecord refused) => [.. refused.Lines.Where(line => line.Limit - line.Spent - line.Held < refused.Amount)];

    /// <summary><c>team-day of payments has 1.20 USD left of 50 USD; 2 USD are asked for.</c></summary>
    public static string Sentence(IReadOnlyList<CounterView> full, long amount) => string.Join(" ", full.Select(line =>
        $"{line.Name}{(line.Key.Length > 0 ? $" of {line.Key}" : "")} has {BudgetAmounts.Shown(line.Left, line.Unit)} left of {BudgetAmounts.Shown(line.Limit, line.Unit)}; {BudgetAmounts.Shown(amount, line.Unit)} are asked for."));

    public static Problem Exceeded(BudgetReply reply) => Problems.Of("budget_exceeded", Sentence(Full(reply.Record!), reply.Record!.Amount)) with
    {
        Budgets = [.. reply.Record!.Lines.Select(line => line.Line)], RetryAfterMs = reply.Ms > 0 ? reply.Ms : null,
    };

    public static Problem UnknownBudget(string space, string name) => Problems.Of("budget_unknown", $"The active policy of the namespace {space} has no budget {Shown(name)} for this caller.");

    public static Problem UnknownReservation(string space) => Problems.Of("reservation_unknown", $"The namespace {space} has no reservation with this id for this caller.");

    private static string Shown(string name) => name.Length <= 64 && !name.Any(char.IsControl) ? name : "of this name";
}
