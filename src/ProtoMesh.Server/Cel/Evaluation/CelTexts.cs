namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>Sizes, and questions about strings; all of them compare code point by code point.</summary>
internal static class CelTexts
{
    private static readonly CelOverload[] Sizes =
        [new(CelType.Int, CelType.String), new(CelType.Int, CelType.Bytes), new(CelType.Int, CelType.List), new(CelType.Int, CelType.Map)];

    private static readonly CelOverload[] TwoTexts = [new(CelType.Bool, CelType.String, CelType.String)];

    public static readonly CelFunction[] Functions =
    [
        new("size", false, Sizes, Size),
        new("size", true, Sizes, Size),
        new("startsWith", true, TwoTexts, static (in CelArguments arguments, CelPrepared? _, ref CelFrame frame) =>
            AreTexts(arguments, ref frame) ? CelValue.Of(arguments.First.AsString.StartsWith(arguments.Second.AsString, StringComparison.Ordinal)) : default),
        new("endsWith", true, TwoTexts, static (in CelArguments arguments, CelPrepared? _, ref CelFrame frame) =>
            AreTexts(arguments, ref frame) ? CelValue.Of(arguments.First.AsString.EndsWith(arguments.Second.AsString, StringComparison.Ordinal)) : default),
        new("contains", true, TwoTexts, Contains),
        new("matches", true, TwoTexts, Matches) { Prepare = CelPattern.Prepare, IsLiteralOnly = true },
        new("matches", false, TwoTexts, Matches) { Prepare = CelPattern.Prepare, IsLiteralOnly = true },
        new("glob", false, TwoTexts, Glob),
        new("inCidr", false, TwoTexts, InCidr) { Prepare = CelNetwork.Prepare, PrepareCost = 10 },
    ];

    /// <summary>
    /// Whether the whole text is as the pattern says: <c>*</c> stands for any run of characters, an empty one and one with dots and
    /// slashes too; everything else, <c>?</c> and <c>[</c> among it, for itself.
    /// </summary>
    public static bool IsGlobMatch(ReadOnlySpan<char> text, ReadOnlySpan<char> pattern)
    {
        var star = pattern.IndexOf('*');
        if (star < 0)
        {
            return text.SequenceEqual(pattern);
        }

        if (!text.StartsWith(pattern[..star], StringComparison.Ordinal))
        {
            return false;
        }

        text = text[star..];
        pattern = pattern[(star + 1)..];
        while ((star = pattern.IndexOf('*')) >= 0)
        {
            var found = text.IndexOf(pattern[..star], StringComparison.Ordinal);
            if (found < 0)
            {
                return false;
            }

            text = text[(found + star)..];
            pattern = pattern[(star + 1)..];
        }

        return text.EndsWith(pattern, StringComparison.Ordinal);
    }

    private static bool AreTexts(in CelArguments arguments, ref CelFrame frame) =>
        arguments.First.Kind == CelKind.String && arguments.Second.Kind == CelKind.String && frame.Meter.ChargeText(arguments.Second.AsString.Length);

    private static CelValue Size(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.String when frame.Meter.ChargeText(value.AsString.Length) => CelValue.Of((long)CodePoints(value.AsString)),
            CelKind.String => frame.Exceeded(),
            CelKind.Bytes => CelValue.Of((long)value.AsBytes.Length),
            CelKind.List => CelValue.Of((long)value.Items.Length),
            CelKind.Map => CelValue.Of((long)value.AsMap.Count),
            _ => default,
        };
    }

    /// <summary>UTF-16 takes two characters for a code point beyond U+FFFF.</summary>
    private static int CodePoints(string text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
        {
            count++;
        }

        return count;
    }

    private static CelValue Contains(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        if (!AreTexts(arguments, ref frame))
        {
            return default;
        }

        var (text, part) = (arguments.First.AsString, arguments.Second.AsString);
        return frame.Meter.Charge(SearchCost(text.Length, part.Length)) ? CelValue.Of(text.Contains(part, StringComparison.Ordinal)) : frame.Exceeded();
    }

    private static CelValue Matches(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        if (arguments.First.Kind != CelKind.String || prepared is not CelPattern pattern)
        {
            return default;
        }

        var text = arguments.First.AsString;
        return frame.Meter.Charge(SearchCost(text.Length, pattern.Text.Length)) ? CelValue.Of(pattern.IsMatch(text)) : frame.Exceeded();
    }

    private static CelValue Glob(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        if (!AreTexts(arguments, ref frame))
        {
            return default;
        }

        var (text, pattern) = (arguments.First.AsString, arguments.Second.AsString);
        return frame.Meter.Charge(SearchCost(text.Length, pattern.Length)) ? CelValue.Of(IsGlobMatch(text, pattern)) : frame.Exceeded();
    }

    private static CelValue InCidr(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        if (arguments.First.Kind != CelKind.String || prepared is not CelNetwork network)
        {
            return default;
        }

        return network.Contains(arguments.First.AsString) is { } isInside
            ? CelValue.Of(isInside)
            : frame.Fail($"{arguments.First.ToLiteral()} is no IP address");
    }

    /// <summary>A search looks at each character of the text as often as the pattern is long, in the worst case.</summary>
    private static long SearchCost(int text, int pattern) => (long)text * Math.Max(pattern, 1) >> 7;
}
