using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>A chain of <c>&amp;&amp;</c> or <c>||</c>: one operand that decides outweighs the errors of all others, on either side of it.</summary>
internal sealed class LogicExpression(LogicSyntax syntax, CelExpression[] operands) : CelExpression(syntax, CelType.Bool)
{
    private readonly bool _isAnd = syntax.IsAnd;

    public bool IsAnd => _isAnd;

    public CelExpression[] Operands => operands;

    public override IEnumerable<CelExpression> Parts => operands;

    public override CelValue Evaluate(ref CelFrame frame)
    {
        CelValue error = default;
        var hasError = false;
        foreach (var operand in operands)
        {
            if (!frame.Meter.Charge(1))
            {
                return Exceeded();
            }

            var value = operand.Evaluate(ref frame);
            if (value.Kind == CelKind.Bool)
            {
                if (value.AsBool != _isAnd)
                {
                    return value;
                }
            }
            else if (!hasError)
            {
                error = value.IsError ? value : NoOverload(_isAnd ? "&&" : "||", value);
                hasError = true;
            }
        }

        return hasError ? error : CelValue.Of(_isAnd);
    }
}

internal sealed class NotExpression(CelSyntax syntax, CelExpression operand) : CelExpression(syntax, CelType.Bool)
{
    public CelExpression Operand => operand;

    public override IEnumerable<CelExpression> Parts => [operand];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var value = operand.Evaluate(ref frame);
        return !frame.Meter.Charge(1) ? Exceeded()
            : value.Kind == CelKind.Bool ? CelValue.Of(!value.AsBool)
            : value.IsError ? value
            : NoOverload("!", value);
    }
}

internal sealed class ConditionalExpression(CelSyntax syntax, CelExpression condition, CelExpression then, CelExpression otherwise, CelType type)
    : CelExpression(syntax, type)
{
    public CelExpression Condition => condition;

    public CelExpression Then => then;

    public CelExpression Else => otherwise;

    public override IEnumerable<CelExpression> Parts => [condition, then, otherwise];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var value = condition.Evaluate(ref frame);
        return !frame.Meter.Charge(1) ? Exceeded()
            : value.Kind == CelKind.Bool ? (value.AsBool ? then : otherwise).Evaluate(ref frame)
            : value.IsError ? value
            : NoOverload("?:", value);
    }
}
