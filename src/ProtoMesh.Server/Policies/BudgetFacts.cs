using System.Text.RegularExpressions;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>What rules read of budgets: <c>budget['team-day'].left</c>, of the subject's own key in the present window.</summary>
internal static partial class BudgetFacts
{
    private static readonly CelValue NoRun = CelValue.Record(new CelRecord(PolicyVariables.RunType, [default]));

    public static CelValue RunOf(string? runId) => runId is null ? NoRun : CelValue.Record(new CelRecord(PolicyVariables.RunType, [CelValue.Of(runId)]));

    /// <summary>All budgets whose key can be told; a rule that reads another cannot be evaluated, and denies.</summary>
    public static async Task<CelValue> ReadAsync(
        PolicySet set, PolicyQuestion question, CelValue[] slots, PolicyScripts scripts, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var cost = CelBudget.ForDecision();
        var known = set.Budgets.Select(budget => budget.SlotOf(key => key.Evaluate(slots, ref cost))).Where(each => each.Fault is null).Select(each => each.Slot).ToList();
        return known.Count == 0 ? CelValue.Map(CelMap.Empty) : MapOf(await scripts.CountersAsync(question.Namespace, known, now, cancellationToken));
    }

    /// <summary>Budgets of which nothing is used, for the tests of a document.</summary>
    public static CelValue Untouched(IReadOnlyList<PolicyBudget> budgets) => MapOf(budgets.Select(budget =>
        new CounterView(budget.Definition.Name, "", budget.Definition.Cap, "", "", budget.Definition.Unit, 0, 0, 0, 0, "")));

    public static CelValue MapOf(IEnumerable<CounterView> counters) => CelValue.Map(CelMap.Of(counters.Select(counter => (CelValue.Of(counter.Name), CelValue.Record(new CelRecord(PolicyVariables.BudgetType,
    [
        CelValue.Of(counter.Limit), CelValue.Of(counter.Spent), CelValue.Of(counter.Held), CelValue.Of(counter.Left), CelValue.Of(counter.Disputed),
    ]))))));

    /// <summary>Where an expression names a budget that is not there, or reads budgets in the key of one; null when it does neither.</summary>
    /// <param name="expression">What was written.</param>
    /// <param name="budgets">Null while the budgets themselves are read.</param>
    public static (int At, string Problem)? Refusal(string expression, IReadOnlyList<PolicyBudget>? budgets)
    {
        if (budgets is null)
        {
            return NamePattern().Match(expression) is { Success: true } own ? (own.Index, "the key of a budget does not read budgets") : null;
        }

        var unknown = IndexPattern().Matches(expression).FirstOrDefault(match => budgets.All(budget => budget.Definition.Name != match.Groups["name"].Value));
        return unknown is null ? null : (unknown.Index, $"there is no budget '{unknown.Groups["name"].Value}'");
    }

    /// <summary>The line and the column of a place in an expression, both from 1.</summary>
    public static (int Line, int Column) PlaceOf(string expression, int at) =>
        (1 + expression.AsSpan(0, at).Count('\n'), at - expression.LastIndexOf('\n', Math.Max(0, at - 1)));

    [GeneratedRegex("(?<![\\w.'\"])budget\\s*\\[\\s*(?<quote>['\"])(?<name>[^'\"\\\\]*)\\k<quote>\\s*\\]")]
    private static partial Regex IndexPattern();

    [GeneratedRegex("(?<![\\w.'\"])budget(?=\\s*[.\\[])")]
    private static partial Regex NamePattern();
}
