using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>
/// Gives every name, field and function of a tree its meaning, and refuses what cannot have one: unknown names, unknown functions and
/// operands that no overload takes. What only a value can tell is <c>dyn</c> and left to the evaluation.
/// </summary>
/// <param name="isTyped">False: operands that do not fit become errors of the evaluation.</param>
internal sealed class CelChecker(CelNames names, bool isTyped)
{
    private readonly List<(string Name, CelType Type)> _locals = [];

    /// <exception cref="CelIssueException">The expression is refused.</exception>
    public CelExpression Check(CelSyntax syntax) => syntax switch
    {
        LiteralSyntax literal => new ConstantExpression(literal, CelNames.TypeOf(literal.Value), literal.Value),
        NameSyntax name => CheckName(name),
        SelectSyntax select => CheckDotted(select) ?? CheckField(select, Check(select.Operand)),
        HasSyntax has => CheckHas(has),
        IndexSyntax index => CheckIndex(index),
        CallSyntax call => CheckCall(call),
        NotSyntax not => new NotExpression(not, CheckBool(not.Operand, not.Position, "!")),
        NegateSyntax negate => CheckNegate(negate),
        BinarySyntax binary => CheckBinary(binary),
        LogicSyntax logic => new LogicExpression(logic, [.. logic.Operands.Select(each => CheckBool(each, each.Position, logic.IsAnd ? "&&" : "||"))]),
        ConditionalSyntax conditional => CheckConditional(conditional),
        ListSyntax list => CheckList(list),
        MapSyntax map => CheckMap(map),
        ComprehensionSyntax comprehension => CheckComprehension(comprehension),
        _ => throw new CelIssueException(syntax.Position, "this is no part of the language"),
    };

    private static CelType JoinAll(IEnumerable<CelExpression> parts) =>
        parts.Select(static each => each.Type).Aggregate((CelType?)null, static (joined, each) => joined is null ? each : CelType.Join(joined, each)) ?? CelType.Dyn;

    private CelExpression CheckName(NameSyntax name)
    {
        var local = name.IsRoot ? -1 : _locals.FindLastIndex(each => each.Name == name.Name);
        return local >= 0
            ? new LocalExpression(name, _locals[local].Type, local)
            : names.Find(name, name.Name) ?? throw new CelIssueException(name.Position, names.Unknown(name.Name));
    }

    /// <summary>A chain of names that is one declared name, as <c>google.protobuf.Timestamp</c> is.</summary>
    private CelExpression? CheckDotted(SelectSyntax select)
    {
        CelSyntax part = select;
        var path = "";
        while (part is SelectSyntax chain)
        {
            path = $".{chain.Field}{path}";
            part = chain.Operand;
        }

        return part is NameSyntax root && (root.IsRoot || !_locals.Exists(each => each.Name == root.Name)) ? names.Find(select, root.Name + path) : null;
    }

    private CelExpression CheckField(SelectSyntax select, CelExpression operand)
    {
        switch (operand.Type)
        {
            case CelRecordType record:
                var index = record.IndexOf(select.Field);
                return index >= 0
                    ? new FieldExpression(select, operand, record.Fields[index], index)
                    : throw new CelIssueException(select.Position, $"{record.Name} has no field '{select.Field}'; it has {string.Join(", ", record.Fields.Select(static field => field.Name))}");
            case CelMapType map when map.Key.MayEqual(CelType.String):
                return new SelectExpression(select, operand, select.Field, map.Value);
            case { IsDyn: true }:
                return new SelectExpression(select, operand, select.Field, CelType.Dyn);
            default:
                return Untyped(select.Position, $"{operand.Type.WithArticle()} has no field '{select.Field}'", new SelectExpression(select, operand, select.Field, CelType.Dyn));
        }
    }

    private HasExpression CheckHas(HasSyntax has) => CheckDotted(has.Select) is null
        ? new HasExpression(has, CheckField(has.Select, Check(has.Select.Operand)))
        : throw new CelIssueException(has.Position, $"{has.Select} is no field, it is always there");

    private CelExpression CheckIndex(IndexSyntax syntax)
    {
        var operand = Check(syntax.Operand);
        var index = Check(syntax.Index);
        if (operand.Type is CelRecordType && index is ConstantExpression { Value.Kind: CelKind.String } name)
        {
            return CheckField(new SelectSyntax(syntax.Index.Position, syntax.Operand, name.Value.AsString), operand);
        }

        var type = operand.Type switch
        {
            CelListType list when index.Type.IsDyn || index.Type == CelType.Int => list.Element,
            CelMapType map when map.Key.MayEqual(index.Type) => map.Value,
            { IsDyn: true } => CelType.Dyn,
            _ => NoOverload(syntax.Position, "[]", operand, index),
        };
        return new IndexExpression(syntax, operand, index, type);
    }

    private CelExpression CheckCall(CallSyntax call)
    {
        var written = call.Target is null ? call.Arguments : [call.Target, .. call.Arguments];
        if (call is { Target: null, Function: "dyn", Arguments: [var only] })
        {
            return new DynExpression(call, Check(only));
        }

        var function = CelFunctions.Find(call.Function, call.Target is not null);
        if (function is null)
        {
            throw new CelIssueException(call.Position, CelFunctions.Find(call.Function, call.Target is null) is null
                ? $"unknown function '{call.Function}'"
                : call.Target is null ? $"'{call.Function}' is called on its first argument, as in x.{call.Function}(…)" : $"'{call.Function}' is called as {call.Function}(…)");
        }

        var arguments = written.Select(Check).ToArray();
        if (!Array.Exists(function.Overloads, each => each.Parameters.Length == arguments.Length))
        {
            throw new CelIssueException(call.Position, CelOverloads.Describe(call.Function, arguments.Select(static each => each.Type)));
        }

        var type = CelOverloads.Resolve(function.Overloads, [.. arguments.Select(static each => each.Type)]) ?? NoOverload(call.Position, call.Function, arguments);
        var checkedCall = new CallExpression(call, function, arguments, type, Prepare(function, arguments));
        return arguments is [ConstantExpression { Value.Kind: CelKind.String }] && call.Function is "timestamp" or "duration" ? Fold(checkedCall) : checkedCall;
    }

    /// <summary>A regular expression, network or time zone that stands in the expression is read now, and refused now.</summary>
    private static CelPrepared? Prepare(CelFunction function, CelExpression[] arguments)
    {
        if (function.Prepare is null || arguments is not [_, ConstantExpression { Value.Kind: CelKind.String } text])
        {
            return function.IsLiteralOnly
                ? throw new CelIssueException(arguments[^1].Position, $"the pattern of {function.Name}() is a text that stands in the expression")
                : null;
        }

        var (prepared, problem) = function.Prepare(text.Value.AsString);
        return prepared ?? throw new CelIssueException(text.Position, problem!);
    }

    private static ConstantExpression Fold(CallExpression call)
    {
        var frame = new CelFrame([], CelBudget.RuleLimit);
        var value = call.Evaluate(ref frame);
        return value.IsError ? throw new CelIssueException(call.Arguments[0].Position, value.Fault!.Message) : new ConstantExpression(call.Syntax, call.Type, value);
    }

    private NegateExpression CheckNegate(NegateSyntax negate)
    {
        var operand = Check(negate.Operand);
        var type = operand.Type.IsDyn || operand.Type == CelType.Int || operand.Type == CelType.Double ? operand.Type : NoOverload(negate.Position, "-", operand);
        return new NegateExpression(negate, operand, type);
    }

    private CelExpression CheckBinary(BinarySyntax syntax)
    {
        var left = Check(syntax.Left);
        var right = Check(syntax.Right);
        switch (syntax.Operator)
        {
            case "==" or "!=":
                Require(left.Type.MayEqual(right.Type), syntax, left, right);
                return new EqualExpression(syntax, left, right);
            case "<" or "<=" or ">" or ">=":
                Require(CelOverloads.AreOrdered(left.Type, right.Type), syntax, left, right);
                return new OrderExpression(syntax, Order(syntax.Operator), left, right);
            case "in":
                var isContainer = right.Type is { IsDyn: true } || (right.Type as CelListType)?.Element.MayEqual(left.Type) == true
                    || (right.Type as CelMapType)?.Key.MayEqual(left.Type) == true;
                Require(isContainer, syntax, left, right);
                return new InExpression(syntax, left, right);
            default:
                var type = CelOverloads.Resolve(CelOverloads.Arithmetic(syntax.Operator), left.Type, right.Type) ?? NoOverload(syntax.Position, syntax.Operator, left, right);
                return new ArithmeticExpression(syntax, left, right, type.Kind == CelKind.List ? CelType.Join(left.Type, right.Type) : type);
        }
    }

    private static CelOrder Order(string symbol) => symbol switch
    {
        "<" => CelOrder.Less,
        "<=" => CelOrder.LessOrEqual,
        ">" => CelOrder.Greater,
        _ => CelOrder.GreaterOrEqual,
    };

    private ConditionalExpression CheckConditional(ConditionalSyntax syntax)
    {
        var condition = CheckBool(syntax.Condition, syntax.Position, "?:");
        var then = Check(syntax.Then);
        var otherwise = Check(syntax.Else);
        var type = then.Type.Fits(otherwise.Type) ? CelType.Join(then.Type, otherwise.Type) : NoOverload(syntax.Position, "?:", condition, then, otherwise);
        return new ConditionalExpression(syntax, condition, then, otherwise, type);
    }

    private ListExpression CheckList(ListSyntax syntax)
    {
        var elements = syntax.Elements.Select(Check).ToArray();
        return new ListExpression(syntax, elements, CelType.ListOf(JoinAll(elements)));
    }

    private MapExpression CheckMap(MapSyntax syntax)
    {
        var keys = syntax.Keys.Select(Check).ToArray();
        var values = syntax.Values.Select(Check).ToArray();
        foreach (var key in keys.Where(static each => each.Type.Kind is { } kind && !CelMap.IsKey(kind)))
        {
            Untyped(key.Position, $"{key.Type.WithArticle()} cannot be the key of a map", key);
        }

        return new MapExpression(syntax, keys, values, CelType.MapOf(JoinAll(keys), JoinAll(values)));
    }

    private ComprehensionExpression CheckComprehension(ComprehensionSyntax syntax)
    {
        var range = Check(syntax.Range);
        var element = range.Type switch
        {
            CelListType list => list.Element,
            CelMapType map => map.Key,
            { IsDyn: true } => CelType.Dyn,
            _ => NoOverload(syntax.Range.Position, syntax.Macro.ToString().ToLowerInvariant(), range),
        };
        if (_locals.Count == CelLocals.MaxNesting)
        {
            throw new CelIssueException(syntax.Position, $"comprehensions are nested deeper than {CelLocals.MaxNesting} levels");
        }

        var slot = _locals.Count;
        _locals.Add((syntax.Variable, element));
        var condition = syntax.Condition is null ? null : CheckBool(syntax.Condition, syntax.Condition.Position, "?:");
        var body = syntax.Macro == CelMacro.Map ? Check(syntax.Body) : CheckBool(syntax.Body, syntax.Body.Position, "?:");
        _locals.RemoveAt(slot);
        var type = syntax.Macro switch
        {
            CelMacro.Map => CelType.ListOf(body.Type),
            CelMacro.Filter => CelType.ListOf(element),
            _ => CelType.Bool,
        };
        return new ComprehensionExpression(syntax, range, condition, body, slot, type);
    }

    private CelExpression CheckBool(CelSyntax syntax, CelPosition position, string user)
    {
        var operand = Check(syntax);
        if (!operand.Type.Fits(CelType.Bool))
        {
            NoOverload(position, user, operand);
        }

        return operand;
    }

    private void Require(bool isTaken, BinarySyntax syntax, CelExpression left, CelExpression right)
    {
        if (!isTaken)
        {
            NoOverload(syntax.Position, syntax.Operator, left, right);
        }
    }

    private CelType NoOverload(CelPosition position, string function, params CelExpression[] arguments)
    {
        var types = arguments.Select(static each => each.Type).ToList();
        var hint = function switch
        {
            "==" or "!=" when types.Contains(CelType.Null) => "; a field that may be absent is asked for with has()",
            "+" or "-" or "*" or "/" or "%" when types.TrueForAll(static type => type.IsNumber) => "; both have to be of one type, as in double(x) * 2.0",
            _ => "",
        };
        return isTyped ? throw new CelIssueException(position, CelOverloads.Describe(function, types) + hint) : CelType.Dyn;
    }

    private CelExpression Untyped(CelPosition position, string message, CelExpression expression) =>
        isTyped ? throw new CelIssueException(position, message) : expression;
}
