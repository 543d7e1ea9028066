using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Numbers as Redis reads and writes them.</summary>
internal static class RedisNumber
{
    /// <summary>Enough for any number that <see cref="Format"/> writes.</summary>
    public const int MaxLength = 32;

    /// <summary>Seventeen significant digits, as C's <c>%.17g</c>: whole numbers below 10^17 have no fraction.</summary>
    public static int Format(double number, Span<byte> target)
    {
        int length;
        if (number == Math.Truncate(number) && Math.Abs(number) < 1e17 && !(number == 0 && double.IsNegative(number)))
        {
            Utf8Formatter.TryFormat((long)number, target, out length);
        }
        else if (double.IsInfinity(number))
        {
            length = Encoding.ASCII.GetBytes(number > 0 ? "inf" : "-inf", target);
        }
        else
        {
            // .NET writes the exponent's letter in upper case, and otherwise the same text.
            number.TryFormat(target, out length, "G17", CultureInfo.InvariantCulture);
            target[..length].Replace((byte)'E', (byte)'e');
        }

        return length;
    }

    /// <summary>A score: neither empty nor NaN, and within the range of a double.</summary>
    public static bool TryParseScore(ReadOnlySpan<byte> text, out double score) =>
        TryParseDouble(text, out score) && !IsOutOfRange(text, score);

    /// <summary>A bound of a range of scores. Redis reads an empty one as 0, and a too large one as infinite.</summary>
    public static bool TryParseBound(ReadOnlySpan<byte> text, out double bound)
    {
        bound = 0;
        return text.IsEmpty || TryParseDouble(text, out bound);
    }

    /// <summary>A signed integer, written in the one way in which Redis itself would write it.</summary>
    public static bool TryParseInteger(ReadOnlySpan<byte> text, out long number)
    {
        number = 0;
        var digits = text is [(byte)'-', ..] ? text[1..] : text;
        var canonical = digits is [>= (byte)'1' and <= (byte)'9', ..] || text.SequenceEqual("0"u8);
        return canonical && Utf8Parser.TryParse(text, out number, out var used) && used == text.Length;
    }

    private static bool TryParseDouble(ReadOnlySpan<byte> text, out double number)
    {
        var unsigned = text is [(byte)'+' or (byte)'-', ..] ? text[1..] : text;
        if (unsigned is [(byte)'.' or (>= (byte)'0' and <= (byte)'9'), ..])
        {
            return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number);
        }

        number = text is [(byte)'-', ..] ? double.NegativeInfinity : double.PositiveInfinity;
        return Ascii.EqualsIgnoreCase(unsigned, "inf"u8) || Ascii.EqualsIgnoreCase(unsigned, "infinity"u8);
    }

    /// <summary>Digits that came out as infinite or as zero although they are not.</summary>
    private static bool IsOutOfRange(ReadOnlySpan<byte> text, double number)
    {
        var mantissa = text.IndexOfAny((byte)'e', (byte)'E') is >= 0 and var end ? text[..end] : text;
        return (double.IsInfinity(number) && text.ContainsAnyInRange((byte)'0', (byte)'9'))
            || (number == 0 && mantissa.ContainsAnyInRange((byte)'1', (byte)'9'));
    }
}
