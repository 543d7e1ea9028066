using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>
/// Says what would make a condition that holds not hold. A comparison keeps the side that the caller can change and puts the value of
/// the other one in its place: <c>metadata.estimated_cost &lt;= 100</c>.
/// </summary>
internal ref struct CelExplainer(ReadOnlySpan<CelValue> variables)
{
    /// <summary>What a caller can change comes first: its metadata, then its request; what only a policy can change comes last.</summary>
    private static readonly string[] Order = ["metadata", "request"];

    private const int Anything = 2;
    private const int Policy = 3;
    private const int Nothing = 4;

    private CelFrame _frame = new(variables, CelBudget.DecisionLimit);

    public List<(string Path, CelValue Value)> Values(CelExpression root)
    {
        var values = new List<(string Path, CelValue Value)>();
        CollectValues(root, values);
        return values;
    }

    public List<string> ToChange(CelExpression root) =>
        [.. Make(root, wanted: false).OrderBy(static change => change.Rank).Select(static change => change.Text).Distinct(StringComparer.Ordinal)];

    private void CollectValues(CelExpression expression, List<(string Path, CelValue Value)> values)
    {
        var read = expression is HasExpression has ? has.Select : expression;
        var isEntry = read is IndexExpression index && CelPaths.IsPath(index.Operand) && (index.Index is ConstantExpression || CelPaths.IsPath(index.Index));
        if (isEntry || CelPaths.IsPath(read))
        {
            var path = read.Syntax.ToString();
            var value = read.Evaluate(ref _frame);
            if (!value.IsError && value.Kind != CelKind.Record && !values.Exists(each => each.Path == path))
            {
                values.Add((path, value));
            }
        }

        if (CelPaths.IsPath(read))
        {
            return;
        }

        foreach (var part in isEntry ? [((IndexExpression)read).Index] : read.Parts)
        {
            CollectValues(part, values);
        }
    }

    /// <summary>What has to become true, all of it, for the expression to be <paramref name="wanted"/>, which it is not.</summary>
    private List<Change> Make(CelExpression expression, bool wanted) => expression switch
    {
        LogicExpression logic => logic.IsAnd == wanted ? AllOf(logic.Operands, wanted) : AnyOf(logic.Operands, wanted),
        NotExpression not => Make(not.Operand, !wanted),
        ConditionalExpression conditional => OfBranch(conditional, wanted),
        EqualExpression equal => Compared(equal.Left, equal.Right, equal.IsEqual == wanted ? "==" : "!=", equal.IsEqual == wanted ? "==" : "!="),
        OrderExpression order => Ordered(order, wanted),
        InExpression contains => Contained(contains, wanted),
        _ => Plain(expression, wanted),
    };

    /// <summary>Each operand that stands against it has to change.</summary>
    private List<Change> AllOf(CelExpression[] operands, bool wanted)
    {
        var changes = new List<Change>();
        foreach (var operand in operands)
        {
            if (operand.Evaluate(ref _frame).IsTrue != wanted)
            {
                changes.AddRange(Make(operand, wanted));
            }
        }

        return changes;
    }

    /// <summary>One operand is enough: a sentence of alternatives.</summary>
    private List<Change> AnyOf(CelExpression[] operands, bool wanted)
    {
        var alternatives = new List<Change>();
        foreach (var operand in operands)
        {
            var changes = Make(operand, wanted).DistinctBy(static change => change.Text).ToList();
            if (changes.Count > 0)
            {
                alternatives.Add(changes.Count == 1
                    ? changes[0]
                    : new Change(changes.Max(static change => change.Rank), $"({string.Join(" and ", changes.Select(static change => change.Text))})"));
            }
        }

        var texts = alternatives.OrderBy(static each => each.Rank).Select(static each => each.Text).Distinct(StringComparer.Ordinal);
        return alternatives.Count == 0 ? [] : [new Change(alternatives.Min(static each => each.Rank), string.Join(" or ", texts))];
    }

    private List<Change> OfBranch(ConditionalExpression conditional, bool wanted)
    {
        var isThen = conditional.Condition.Evaluate(ref _frame).IsTrue;
        var branch = isThen ? conditional.Then : conditional.Else;
        var changes = Make(branch, wanted);
        return changes.Count > 0 ? changes : Make(conditional.Condition, !isThen);
    }

    private List<Change> Ordered(OrderExpression order, bool wanted) => (order.Order, wanted) switch
    {
        (CelOrder.Less, true) or (CelOrder.GreaterOrEqual, false) => Compared(order.Left, order.Right, "<", ">"),
        (CelOrder.LessOrEqual, true) or (CelOrder.Greater, false) => Compared(order.Left, order.Right, "<=", ">="),
        (CelOrder.Greater, true) or (CelOrder.LessOrEqual, false) => Compared(order.Left, order.Right, ">", "<"),
        _ => Compared(order.Left, order.Right, ">=", "<="),
    };

    private List<Change> Compared(CelExpression left, CelExpression right, string symbol, string mirrored)
    {
        var (rankLeft, rankRight) = (Rank(left), Rank(right));
        var rank = Math.Min(rankLeft, rankRight);
        return rank == Nothing ? []
            : rankLeft <= rankRight ? [new Change(rank, $"{CelPrinter.PrintOperand(left.Syntax)} {symbol} {Known(right)}")]
            : [new Change(rank, $"{CelPrinter.PrintOperand(right.Syntax)} {mirrored} {Known(left)}")];
    }

    private List<Change> Contained(InExpression contains, bool wanted)
    {
        var (rankElement, rankContainer) = (Rank(contains.Element), Rank(contains.Container));
        var rank = Math.Min(rankElement, rankContainer);
        if (rank == Nothing)
        {
            return [];
        }

        var text = rankElement <= rankContainer
            ? $"{CelPrinter.PrintOperand(contains.Element.Syntax)} in {Known(contains.Container, keysOnly: true)}"
            : $"{Known(contains.Element)} in {CelPrinter.PrintOperand(contains.Container.Syntax)}";
        return [new Change(rank, wanted ? text : $"!({text})")];
    }

    private List<Change> Plain(CelExpression expression, bool wanted)
    {
        var rank = Rank(expression);
        if (rank == Nothing)
        {
            return [];
        }

        var syntax = expression is CallExpression call && rank < Policy ? WithKnownArguments(call) : expression.Syntax;
        return [new Change(rank, wanted ? syntax.ToString() : CelPrinter.PrintNegated(syntax))];
    }

    /// <summary>The call with the values of the arguments that only the policy can change.</summary>
    private CallSyntax WithKnownArguments(CallExpression call)
    {
        var parts = new List<CelSyntax>();
        foreach (var argument in call.Arguments)
        {
            var value = Rank(argument) == Policy ? argument.Evaluate(ref _frame) : default;
            parts.Add(value.IsAbsent || value.IsError ? argument.Syntax : new LiteralSyntax(argument.Position, value));
        }

        return call.Function.IsMember
            ? new CallSyntax(call.Position, parts[0], call.Function.Name, [.. parts.Skip(1)])
            : new CallSyntax(call.Position, null, call.Function.Name, [.. parts]);
    }

    private string Known(CelExpression expression, bool keysOnly = false)
    {
        var value = expression.Evaluate(ref _frame);
        return value.IsError ? CelPrinter.PrintOperand(expression.Syntax)
            : keysOnly && value.Kind == CelKind.Map ? CelValue.List(value.AsMap.Keys).ToLiteral()
            : value.ToLiteral();
    }

    /// <summary>The lowest rank of the variables in it.</summary>
    private static int Rank(CelExpression expression)
    {
        var rank = expression switch
        {
            VariableExpression { Name: "params" } => Policy,
            VariableExpression variable => Array.IndexOf(Order, variable.Name) is >= 0 and var known ? known : Anything,
            _ => Nothing,
        };
        foreach (var part in expression.Parts)
        {
            rank = Math.Min(rank, Rank(part));
        }

        return rank;
    }

    private readonly record struct Change(int Rank, string Text);
}
