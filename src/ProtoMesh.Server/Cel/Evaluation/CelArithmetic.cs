using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary><c>+ - * / %</c>; both sides are of one type, and a result beyond its range is an error.</summary>
internal sealed class ArithmeticExpression(BinarySyntax syntax, CelExpression left, CelExpression right, CelType type) : CelExpression(syntax, type)
{
    private readonly char _operator = syntax.Operator[0];

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

        return (a.Kind, b.Kind) switch
        {
            (CelKind.Int, CelKind.Int) => Compute(a.AsInt, b.AsInt),
            (CelKind.Double, CelKind.Double) when _operator != '%' => Compute(a.AsDouble, b.AsDouble),
            (CelKind.Uint, CelKind.Uint) => Compute(a.AsUint, b.AsUint),
            _ when _operator is '+' or '-' => AddOrSubtract(a, b, ref frame),
            _ => NoOverload(syntax.Operator, a, b),
        };
    }

    private static CelValue Concat(CelValue[] a, CelValue[] b)
    {
        var joined = new CelValue[a.Length + b.Length];
        a.CopyTo(joined, 0);
        b.CopyTo(joined, a.Length);
        return CelValue.List(joined);
    }

    private CelValue Compute(long a, long b)
    {
        long result;
        switch (_operator)
        {
            case '+':
                result = a + b;
                return ((a ^ result) & (b ^ result)) < 0 ? Overflow() : CelValue.Of(result);
            case '-':
                result = a - b;
                return ((a ^ b) & (a ^ result)) < 0 ? Overflow() : CelValue.Of(result);
            case '*':
                return Math.BigMul(a, b, out result) == result >> 63 ? CelValue.Of(result) : Overflow();
            case '/':
                return b == 0 ? Fail("division by zero") : a == long.MinValue && b == -1 ? Overflow() : CelValue.Of(a / b);
            default:
                return b == 0 ? Fail("modulus by zero") : b == -1 ? CelValue.Of(0) : CelValue.Of(a % b);
        }
    }

    private CelValue Compute(ulong a, ulong b)
    {
        ulong result;
        switch (_operator)
        {
            case '+':
                result = a + b;
                return result < a ? Overflow() : CelValue.OfUint(result);
            case '-':
                return a < b ? Overflow() : CelValue.OfUint(a - b);
            case '*':
                return Math.BigMul(a, b, out result) == 0 ? CelValue.OfUint(result) : Overflow();
            case '/':
                return b == 0 ? Fail("division by zero") : CelValue.OfUint(a / b);
            default:
                return b == 0 ? Fail("modulus by zero") : CelValue.OfUint(a % b);
        }
    }

    private CelValue Compute(double a, double b) => CelValue.Of(_operator switch
    {
        '+' => a + b,
        '-' => a - b,
        '*' => a * b,
        _ => a / b,
    });

    private CelValue AddOrSubtract(in CelValue a, in CelValue b, ref CelFrame frame)
    {
        var isAdd = _operator == '+';
        var isInRange = true;
        var result = default(CelValue);
        switch (a.Kind, b.Kind)
        {
            case (CelKind.String, CelKind.String) when isAdd:
                return frame.Meter.ChargeText(a.AsString.Length + b.AsString.Length) ? CelValue.Of(string.Concat(a.AsString, b.AsString)) : Exceeded();
            case (CelKind.Bytes, CelKind.Bytes) when isAdd:
                return frame.Meter.ChargeText(a.AsBytes.Length + b.AsBytes.Length) ? CelValue.Of([.. a.AsBytes, .. b.AsBytes]) : Exceeded();
            case (CelKind.List, CelKind.List) when isAdd:
                return frame.Meter.Charge((long)a.Items.Length + b.Items.Length) ? Concat(a.Items, b.Items) : Exceeded();
            case (CelKind.Timestamp, CelKind.Duration):
                isInRange = CelTime.TryAdd(a, isAdd ? b.TotalNanos : -(Int128)b.TotalNanos, out result);
                break;
            case (CelKind.Duration, CelKind.Timestamp) when isAdd:
                isInRange = CelTime.TryAdd(b, a.TotalNanos, out result);
                break;
            case (CelKind.Duration, CelKind.Duration):
                isInRange = CelTime.TryDuration(isAdd ? (Int128)a.TotalNanos + b.TotalNanos : (Int128)a.TotalNanos - b.TotalNanos, out result);
                break;
            case (CelKind.Timestamp, CelKind.Timestamp) when !isAdd:
                isInRange = CelTime.TryDuration(CelTime.Nanos(a) - CelTime.Nanos(b), out result);
                break;
            default:
                return NoOverload(syntax.Operator, a, b);
        }

        return isInRange ? result : Fail($"the {(a.Kind == b.Kind ? "duration" : "timestamp")} is out of range");
    }

    private CelValue Overflow() => Fail("integer overflow");
}

/// <summary>The sign before an int or a double.</summary>
internal sealed class NegateExpression(CelSyntax syntax, CelExpression operand, CelType type) : CelExpression(syntax, type)
{
    public override IEnumerable<CelExpression> Parts => [operand];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var value = operand.Evaluate(ref frame);
        return !frame.Meter.Charge(1) ? Exceeded() : value.Kind switch
        {
            CelKind.Int => value.AsInt == long.MinValue ? Fail("integer overflow") : CelValue.Of(-value.AsInt),
            CelKind.Double => CelValue.Of(-value.AsDouble),
            CelKind.Error => value,
            _ => NoOverload("-", value),
        };
    }
}
