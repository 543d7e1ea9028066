namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>What a function or operator takes, and what it then returns.</summary>
internal sealed record CelOverload(CelType Result, params CelType[] Parameters)
{
    public bool Takes(ReadOnlySpan<CelType> arguments)
    {
        if (arguments.Length != Parameters.Length)
        {
            return false;
        }

        for (var i = 0; i < arguments.Length; i++)
        {
            if (!arguments[i].Fits(Parameters[i]))
            {
                return false;
            }
        }

        return true;
    }
}

internal static class CelOverloads
{
    private static readonly CelOverload[] Add =
    [
        new(CelType.Int, CelType.Int, CelType.Int), new(CelType.Uint, CelType.Uint, CelType.Uint), new(CelType.Double, CelType.Double, CelType.Double),
        new(CelType.String, CelType.String, CelType.String), new(CelType.Bytes, CelType.Bytes, CelType.Bytes), new(CelType.List, CelType.List, CelType.List),
        new(CelType.Timestamp, CelType.Timestamp, CelType.Duration), new(CelType.Timestamp, CelType.Duration, CelType.Timestamp),
        new(CelType.Duration, CelType.Duration, CelType.Duration),
    ];

    private static readonly CelOverload[] Subtract =
    [
        new(CelType.Int, CelType.Int, CelType.Int), new(CelType.Uint, CelType.Uint, CelType.Uint), new(CelType.Double, CelType.Double, CelType.Double),
        new(CelType.Duration, CelType.Timestamp, CelType.Timestamp), new(CelType.Timestamp, CelType.Timestamp, CelType.Duration),
        new(CelType.Duration, CelType.Duration, CelType.Duration),
    ];

    private static readonly CelOverload[] Multiply =
    [
        new(CelType.Int, CelType.Int, CelType.Int), new(CelType.Uint, CelType.Uint, CelType.Uint), new(CelType.Double, CelType.Double, CelType.Double),
    ];

    private static readonly CelOverload[] Modulo = [new(CelType.Int, CelType.Int, CelType.Int), new(CelType.Uint, CelType.Uint, CelType.Uint)];

    public static CelOverload[] Arithmetic(string symbol) => symbol switch
    {
        "+" => Add,
        "-" => Subtract,
        "%" => Modulo,
        _ => Multiply,
    };

    /// <summary>The result of the overloads that take these arguments, <c>dyn</c> if they differ, or null if none does.</summary>
    public static CelType? Resolve(CelOverload[] overloads, params ReadOnlySpan<CelType> arguments)
    {
        CelType? result = null;
        foreach (var overload in overloads)
        {
            if (overload.Takes(arguments))
            {
                result = result is null || result.Equals(overload.Result) ? overload.Result : CelType.Dyn;
            }
        }

        return result;
    }

    /// <summary>Whether an order is defined between values of the two types.</summary>
    public static bool AreOrdered(CelType left, CelType right) =>
        (IsOrdered(left) && right.IsDyn) || (left.IsDyn && IsOrdered(right)) || (left.IsDyn && right.IsDyn)
        || (left.IsNumber && right.IsNumber) || (IsOrdered(left) && left.Equals(right));

    public static string Describe(string function, ReadOnlySpan<CelValue> arguments)
    {
        var kinds = new List<string>();
        foreach (var argument in arguments)
        {
            kinds.Add(argument.Kind.DisplayName());
        }

        return Describe(function, kinds);
    }

    public static string Describe(string function, IEnumerable<object> types) => $"no matching overload for '{function}' applied to ({string.Join(", ", types)})";

    private static bool IsOrdered(CelType type) =>
        type.Kind is CelKind.Bool or CelKind.Int or CelKind.Uint or CelKind.Double or CelKind.String or CelKind.Bytes or CelKind.Timestamp or CelKind.Duration;
}
