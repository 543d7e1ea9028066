using System.Globalization;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>
/// Timestamps from year 1 to 9999 and durations of a 64-bit count of nanoseconds, as the specification has them; the platform's own
/// types count in 100 ns.
/// </summary>
internal static class CelTime
{
    public const long NanosPerSecond = 1_000_000_000;

    /// <summary>0001-01-01T00:00:00Z.</summary>
    private const long MinSeconds = -62_135_596_800;

    /// <summary>9999-12-31T23:59:59Z.</summary>
    private const long MaxSeconds = 253_402_300_799;

    public static bool TryTimestamp(long seconds, int nanos, out CelValue value)
    {
        value = CelValue.Timestamp(seconds, nanos);
        return seconds is >= MinSeconds and <= MaxSeconds;
    }

    public static bool TryDuration(Int128 nanos, out CelValue value)
    {
        value = CelValue.Duration((long)nanos);
        return nanos >= long.MinValue && nanos <= long.MaxValue;
    }

    public static Int128 Nanos(in CelValue timestamp) => ((Int128)timestamp.Seconds * NanosPerSecond) + timestamp.Nanos;

    public static bool TryAdd(in CelValue timestamp, Int128 nanos, out CelValue value)
    {
        var sum = Nanos(timestamp) + nanos;
        var seconds = sum / NanosPerSecond;
        var rest = (int)(sum % NanosPerSecond);
        return rest < 0 ? TryTimestamp((long)seconds - 1, rest + (int)NanosPerSecond, out value) : TryTimestamp((long)seconds, rest, out value);
    }

    /// <summary>RFC 3339, with up to nine digits of a second: <c>2026-01-31T12:00:00.5+01:00</c>.</summary>
    public static bool TryParseTimestamp(ReadOnlySpan<char> text, out CelValue value)
    {
        value = default;
        if (text.Length < 20 || text[4] != '-' || text[7] != '-' || text[10] is not ('T' or 't') || text[13] != ':' || text[16] != ':')
        {
            return false;
        }

        if (!TryDigits(text[..4], out var year) || !TryDigits(text[5..7], out var month) || !TryDigits(text[8..10], out var day)
            || !TryDigits(text[11..13], out var hour) || !TryDigits(text[14..16], out var minute) || !TryDigits(text[17..19], out var second)
            || year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }

        var rest = text[19..];
        var nanos = 0;
        if (rest[0] == '.')
        {
            var end = rest[1..].IndexOfAnyExceptInRange('0', '9');
            if (end is < 1 or > 9 || !TryDigits(rest.Slice(1, end), out nanos))
            {
                return false;
            }

            nanos *= PowerOfTen(9 - end);
            rest = rest[(1 + end)..];
        }

        if (!(rest is "Z" or "z") && !(rest[0] is '+' or '-' && rest.Length == 6))
        {
            return false;
        }

        var offset = 0;
        if (rest.Length == 6 && !TryParseOffset(rest, out offset))
        {
            return false;
        }

        var local = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc);
        return TryTimestamp(((local.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond) - (offset * 60L), nanos, out value);
    }

    /// <summary>A fixed offset from UTC in minutes: <c>+02:00</c>, <c>-09:30</c> or <c>02:00</c>.</summary>
    public static bool TryParseOffset(ReadOnlySpan<char> text, out int minutes)
    {
        minutes = 0;
        var digits = text.Length > 0 && text[0] is '+' or '-' ? text[1..] : text;
        if (digits.Length != 5 || digits[2] != ':' || !TryDigits(digits[..2], out var hours) || !TryDigits(digits[3..], out minutes) || hours > 23 || minutes > 59)
        {
            return false;
        }

        minutes += hours * 60;
        minutes = text[0] == '-' ? -minutes : minutes;
        return true;
    }

    /// <summary>A chain of numbers with units: <c>1h30m</c>, <c>-1.5s</c>, <c>250ms</c>, or just <c>0</c>.</summary>
    public static bool TryParseDuration(ReadOnlySpan<char> text, out CelValue value)
    {
        value = CelValue.Duration(0);
        var isNegative = text.StartsWith('-');
        var rest = text.Length > 0 && text[0] is '+' or '-' ? text[1..] : text;
        if (rest is "0")
        {
            return true;
        }

        if (rest.Length == 0)
        {
            return false;
        }

        Int128 total = 0;
        while (rest.Length > 0)
        {
            var length = rest.IndexOfAnyExcept("0123456789.");
            if (length < 1 || !TryNumber(rest[..length], out var whole, out var billionths))
            {
                return false;
            }

            rest = rest[length..];
            var unit = Unit(ref rest);
            total += (whole * unit) + (billionths * unit / NanosPerSecond);
            if (unit == 0 || total > (Int128)long.MaxValue + 1)
            {
                return false;
            }
        }

        return TryDuration(isNegative ? -total : total, out value);
    }

    /// <summary>A timestamp in RFC 3339 at UTC, or a duration in seconds: <c>2026-01-31T12:00:00.5Z</c>, <c>90.5s</c>.</summary>
    public static string Write(in CelValue value)
    {
        if (value.Kind == CelKind.Timestamp)
        {
            var seconds = DateTime.UnixEpoch.AddTicks(value.Seconds * TimeSpan.TicksPerSecond);
            return seconds.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + Fraction(value.Nanos) + "Z";
        }

        var (whole, nanos) = Math.DivRem(value.TotalNanos, NanosPerSecond);
        return $"{(value.TotalNanos < 0 ? "-" : "")}{Math.Abs(whole).ToString(CultureInfo.InvariantCulture)}{Fraction((int)Math.Abs(nanos))}s";
    }

    private static string Fraction(int nanos) => nanos == 0 ? "" : "." + nanos.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0');

    private static bool TryDigits(ReadOnlySpan<char> text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static bool TryNumber(ReadOnlySpan<char> text, out Int128 whole, out Int128 billionths)
    {
        (whole, billionths) = (0, 0);
        var point = text.IndexOf('.');
        var before = point < 0 ? text : text[..point];
        var after = point < 0 ? [] : text[(point + 1)..];
        if (before.Length + after.Length == 0 || after.Contains('.') || before.Length > 19)
        {
            return false;
        }

        foreach (var digit in before)
        {
            whole = (whole * 10) + (digit - '0');
        }

        var unit = NanosPerSecond;
        foreach (var digit in after)
        {
            unit /= 10;
            billionths += (digit - '0') * unit;
        }

        return true;
    }

    private static long Unit(ref ReadOnlySpan<char> rest)
    {
        foreach (var (name, nanos) in Units)
        {
            if (rest.StartsWith(name, StringComparison.Ordinal))
            {
                rest = rest[name.Length..];
                return nanos;
            }
        }

        return 0;
    }

    private static readonly (string Name, long Nanos)[] Units =
    [
        ("ns", 1), ("us", 1_000), ("µs", 1_000), ("ms", 1_000_000), ("s", NanosPerSecond), ("m", 60 * NanosPerSecond), ("h", 3_600 * NanosPerSecond),
    ];

    private static int PowerOfTen(int exponent)
    {
        var power = 1;
        for (var i = 0; i < exponent; i++)
        {
            power *= 10;
        }

        return power;
    }
}
