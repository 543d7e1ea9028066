using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary><c>==</c> and <c>!=</c>, which hold or do not hold between any two values.</summary>
internal sealed class EqualExpression(BinarySyntax syntax, CelExpression left, CelExpression right) : CelExpression(syntax, CelType.Bool)
{
    private readonly bool _isEqual = syntax.Operator == "==";

    public bool IsEqual => _isEqual;

    public CelExpression Left => left;

    public CelExpression Right => right;

    public override IEnumerable<CelExpression> Parts => [left, right];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var a = left.Evaluate(ref frame);
        if (a.IsError)
        {
            return a;
        }

        var b = right.Evaluate(ref frame);
        if (b.IsError)
        {
            return b;
        }

        if (!frame.Meter.Charge(1))
        {
            return Exceeded();
        }

        var areEqual = CelEquality.AreEqual(a, b, ref frame.Meter);
        return frame.Meter.IsExceeded ? Exceeded() : CelValue.Of(areEqual == _isEqual);
    }
}

internal enum CelOrder
{
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// <summary><c>&lt;</c> and its like; with not-a-number on a side none of them holds.</summary>
internal sealed class OrderExpression(BinarySyntax syntax, CelOrder order, CelExpression left, CelExpression right) : CelExpression(syntax, CelType.Bool)
{
    public CelOrder Order => order;

    public CelExpression Left => left;

    public CelExpression Right => right;

    public override IEnumerable<CelExpression> Parts => [left, right];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var a = left.Evaluate(ref frame);
        if (a.IsError)
        {
            return a;
        }

        var b = right.Evaluate(ref frame);
        if (b.IsError)
        {
            return b;
        }

        if (!frame.Meter.Charge(1) || (a.Kind is CelKind.String or CelKind.Bytes && !frame.Meter.ChargeText(Length(a))))
        {
            return Exceeded();
        }

        if (CelEquality.Compare(a, b) is { } compared)
        {
            return CelValue.Of(order switch
            {
                CelOrder.Less => compared < 0,
                CelOrder.LessOrEqual => compared <= 0,
                CelOrder.Greater => compared > 0,
                _ => compared >= 0,
            });
        }

        return a.Kind.IsNumber() && b.Kind.IsNumber() ? CelValue.False : NoOverload(syntax.Operator, a, b);
    }

    private static int Length(in CelValue value) => value.Kind == CelKind.String ? value.AsString.Length : value.AsBytes.Length;
}

/// <summary><c>element in list</c> or <c>key in map</c>.</summary>
internal sealed class InExpression(CelSyntax syntax, CelExpression element, CelExpression container) : CelExpression(syntax, CelType.Bool)
{
    public CelExpression Element => element;

    public CelExpression Container => container;

    public override IEnumerable<CelExpression> Parts => [element, container];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var a = element.Evaluate(ref frame);
        if (a.IsError)
        {
            return a;
        }

        var b = container.Evaluate(ref frame);
        if (b.IsError)
        {
            return b;
        }

        if (!frame.Meter.Charge(1))
        {
            return Exceeded();
        }

        return b.Kind switch
        {
            CelKind.Map => CelValue.Of(b.AsMap.Contains(a)),
            CelKind.List => IsIn(a, b.Items, ref frame),
            _ => NoOverload("in", a, b),
        };
    }

    private CelValue IsIn(in CelValue element, CelValue[] items, ref CelFrame frame)
    {
        foreach (ref readonly var item in items.AsSpan())
        {
            if (!frame.Meter.Charge(1))
            {
                return Exceeded();
            }

            if (CelEquality.AreEqual(element, item, ref frame.Meter))
            {
                return CelValue.True;
            }
        }

        return frame.Meter.IsExceeded ? Exceeded() : CelValue.False;
    }
}
