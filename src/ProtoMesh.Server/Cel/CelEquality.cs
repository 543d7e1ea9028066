using ProtoMesh.Server.Cel.Evaluation;

namespace ProtoMesh.Server.Cel;

/// <summary>The language's equality and order.</summary>
internal static class CelEquality
{
    /// <summary>2^63, the first double beyond every int.</summary>
    private const double IntEnd = 9223372036854775808.0;

    /// <summary>2^64, the first double beyond every uint.</summary>
    private const double UintEnd = 18446744073709551616.0;

    /// <summary>Equality of values that come from outside, whose size is bounded there.</summary>
    public static bool AreEqual(in CelValue left, in CelValue right)
    {
        var unlimited = new CelMeter(long.MaxValue);
        return AreEqual(left, right, ref unlimited);
    }

    /// <summary>Charges each element that it looks at; false, too, once the meter is exceeded.</summary>
    public static bool AreEqual(in CelValue left, in CelValue right, ref CelMeter meter)
    {
        if (left.Kind != right.Kind)
        {
            return left.Kind.IsNumber() && right.Kind.IsNumber() && CompareNumbers(left, right) == 0;
        }

        return left.Kind switch
        {
            CelKind.Null => true,
            CelKind.Bool => left.AsBool == right.AsBool,
            CelKind.Int => left.AsInt == right.AsInt,
            CelKind.Uint => left.AsUint == right.AsUint,
            CelKind.Double => left.AsDouble == right.AsDouble,
            CelKind.String => left.AsString.Length == right.AsString.Length && meter.ChargeText(left.AsString.Length) && string.Equals(left.AsString, right.AsString, StringComparison.Ordinal),
            CelKind.Bytes => meter.ChargeText(left.AsBytes.Length) && left.AsBytes.AsSpan().SequenceEqual(right.AsBytes),
            CelKind.List => AreListsEqual(left.Items, right.Items, ref meter),
            CelKind.Map => AreMapsEqual(left.AsMap, right.AsMap, ref meter),
            CelKind.Timestamp => left.Seconds == right.Seconds && left.Nanos == right.Nanos,
            CelKind.Duration => left.TotalNanos == right.TotalNanos,
            CelKind.Type => string.Equals(left.TypeName, right.TypeName, StringComparison.Ordinal),
            CelKind.Record => AreRecordsEqual(left.AsRecord!, right.AsRecord!, ref meter),
            _ => false,
        };
    }

    /// <summary>For two values of which one is a key of a map.</summary>
    public static bool AreKeysEqual(in CelValue left, in CelValue right) => left.Kind == right.Kind
        ? left.Kind switch
        {
            CelKind.String => string.Equals(left.AsString, right.AsString, StringComparison.Ordinal),
            CelKind.Int => left.AsInt == right.AsInt,
            CelKind.Uint => left.AsUint == right.AsUint,
            CelKind.Bool => left.AsBool == right.AsBool,
            _ => false,
        }
        : left.Kind.IsNumber() && right.Kind.IsNumber() && CompareNumbers(left, right) == 0;

    /// <summary>The order of two values, or null when these two have none; not-a-number has none with anything.</summary>
    public static int? Compare(in CelValue left, in CelValue right) => left.Kind switch
    {
        _ when left.Kind.IsNumber() && right.Kind.IsNumber() => CompareNumbers(left, right),
        _ when left.Kind != right.Kind => null,
        CelKind.String => CompareText(left.AsString, right.AsString),
        CelKind.Timestamp => (left.Seconds, left.Nanos).CompareTo((right.Seconds, right.Nanos)),
        CelKind.Duration => left.TotalNanos.CompareTo(right.TotalNanos),
        CelKind.Bool => left.AsBool.CompareTo(right.AsBool),
        CelKind.Bytes => left.AsBytes.AsSpan().SequenceCompareTo(right.AsBytes),
        _ => null,
    };

    /// <summary>Equal values have equal hashes, so a number hashes as the whole number it is, if it is one.</summary>
    public static int Hash(in CelValue value) => value.Kind switch
    {
        CelKind.Bool => value.AsBool ? 1 : 2,
        CelKind.Int => value.AsInt.GetHashCode(),
        CelKind.Uint => ((long)value.AsUint).GetHashCode(),
        CelKind.Double => HashDouble(value.AsDouble),
        CelKind.String => string.GetHashCode(value.AsString, StringComparison.Ordinal),
        CelKind.Timestamp => HashCode.Combine(value.Seconds, value.Nanos),
        CelKind.Duration => value.TotalNanos.GetHashCode(),
        CelKind.Type => string.GetHashCode(value.TypeName, StringComparison.Ordinal),
        CelKind.Bytes => value.AsBytes.Length,
        CelKind.List => value.Items.Length,
        CelKind.Map => value.AsMap.Count,
        _ => (int)value.Kind,
    };

    /// <summary>An int or uint meets a double as the double next to it, as the specification's tests have it.</summary>
    private static int? CompareNumbers(in CelValue left, in CelValue right) => (left.Kind, right.Kind) switch
    {
        _ when left.Kind == CelKind.Double || right.Kind == CelKind.Double => CompareDoubles(left.AsNumber, right.AsNumber),
        (CelKind.Int, CelKind.Int) => left.AsInt.CompareTo(right.AsInt),
        (CelKind.Int, CelKind.Uint) => left.AsInt < 0 ? -1 : ((ulong)left.AsInt).CompareTo(right.AsUint),
        (CelKind.Uint, CelKind.Int) => right.AsInt < 0 ? 1 : left.AsUint.CompareTo((ulong)right.AsInt),
        _ => left.AsUint.CompareTo(right.AsUint),
    };

    private static int? CompareDoubles(double left, double right) =>
        left < right ? -1 : left > right ? 1 : left == right ? 0 : null;

    private static int HashDouble(double value) => value switch
    {
        >= -IntEnd and < IntEnd when value == Math.Floor(value) => ((long)value).GetHashCode(),
        >= IntEnd and < UintEnd => ((long)(ulong)value).GetHashCode(),
        _ => value.GetHashCode(),
    };

    /// <summary>By code point: UTF-16 would put a character beyond U+FFFF before one from U+E000 on.</summary>
    private static int CompareText(string left, string right)
    {
        var common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }

        var (a, b) = (left[common], right[common]);
        return char.IsSurrogate(a) == char.IsSurrogate(b) ? a.CompareTo(b) : char.IsSurrogate(a) ? 1 : -1;
    }

    private static bool AreListsEqual(CelValue[] left, CelValue[] right, ref CelMeter meter)
    {
        if (left.Length != right.Length || !meter.Charge(left.Length) || !meter.ChargeDepth())
        {
            return false;
        }

        for (var i = 0; i < left.Length; i++)
        {
            if (!AreEqual(left[i], right[i], ref meter))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AreMapsEqual(CelMap left, CelMap right, ref CelMeter meter)
    {
        if (left.Count != right.Count || !meter.Charge(left.Count) || !meter.ChargeDepth())
        {
            return false;
        }

        foreach (var (key, value) in left)
        {
            if (!right.TryGet(key, out var other) || !AreEqual(value, other, ref meter))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AreRecordsEqual(CelRecord left, CelRecord right, ref CelMeter meter)
    {
        if (left.Type != right.Type || !meter.Charge(left.Type.Fields.Count))
        {
            return false;
        }

        for (var i = 0; i < left.Type.Fields.Count; i++)
        {
            if (left[i].IsAbsent != right[i].IsAbsent || !AreEqual(left[i], right[i], ref meter))
            {
                return false;
            }
        }

        return true;
    }
}
