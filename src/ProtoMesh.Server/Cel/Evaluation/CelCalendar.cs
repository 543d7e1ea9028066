namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>The parts of a timestamp, in UTC or in a time zone, and of a duration.</summary>
internal static class CelCalendar
{
    private static readonly CelOverload[] OfTimestamp = [new(CelType.Int, CelType.Timestamp), new(CelType.Int, CelType.Timestamp, CelType.String)];

    private static readonly CelOverload[] OfBoth = [.. OfTimestamp, new(CelType.Int, CelType.Duration)];

    public static readonly CelFunction[] Functions =
    [
        Part("getFullYear", static time => time.Year),
        Part("getMonth", static time => time.Month - 1),
        Part("getDate", static time => time.Day),
        Part("getDayOfMonth", static time => time.Day - 1),
        Part("getDayOfWeek", static time => (int)time.DayOfWeek),
        Part("getDayOfYear", static time => time.DayOfYear - 1),
        Part("getHours", static time => time.Hour, static nanos => nanos / (3_600 * CelTime.NanosPerSecond)),
        Part("getMinutes", static time => time.Minute, static nanos => nanos / (60 * CelTime.NanosPerSecond)),
        Part("getSeconds", static time => time.Second, static nanos => nanos / CelTime.NanosPerSecond),
        Part("getMilliseconds", static time => time.Millisecond, static nanos => nanos / 1_000_000 % 1_000),
    ];

    private static CelFunction Part(string name, Func<DateTime, int> ofTimestamp, Func<long, long>? ofDuration = null)
    {
        CelValue Body(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
        {
            if (arguments.First.Kind == CelKind.Duration && arguments.Count == 1)
            {
                return ofDuration is null ? default : CelValue.Of(ofDuration(arguments.First.TotalNanos));
            }

            if (arguments.First.Kind != CelKind.Timestamp || (arguments.Count == 2 && prepared is not CelZone))
            {
                return default;
            }

            var utc = DateTime.UnixEpoch.AddTicks((arguments.First.Seconds * TimeSpan.TicksPerSecond) + (arguments.First.Nanos / 100));
            var local = arguments.Count == 2 ? ((CelZone)prepared!).At(utc) : utc;
            return local is { } known ? CelValue.Of((long)ofTimestamp(known)) : frame.Fail("the timestamp is out of range in this time zone");
        }

        return new CelFunction(name, true, ofDuration is null ? OfTimestamp : OfBoth, Body) { Prepare = CelZone.Prepare, PrepareCost = 100 };
    }
}

/// <summary>An IANA time zone, or a fixed offset from UTC.</summary>
internal sealed record CelZone(string Text, TimeZoneInfo? Zone, TimeSpan Offset) : CelPrepared(Text)
{
    public static (CelPrepared? Prepared, string? Problem) Prepare(string text)
    {
        if (CelTime.TryParseOffset(text, out var minutes))
        {
            return (new CelZone(text, null, TimeSpan.FromMinutes(minutes)), null);
        }

        // A zone's name is also a path below the system's zone files, so nothing else may pass for one; the machine's own zone
        // stands there too, and an answer does not depend on the machine.
        return text.Length is > 0 and <= 64 && text.All(static each => char.IsAsciiLetterOrDigit(each) || each is '/' or '_' or '-' or '+')
            && char.IsAsciiLetter(text[0]) && text is not ("localtime" or "posixrules") && TimeZoneInfo.TryFindSystemTimeZoneById(text, out var zone)
            ? (new CelZone(text, zone, TimeSpan.Zero), null)
            : (null, $"{CelLiteral.Write(text)} is no time zone; write one as 'Europe/Berlin' or '+02:00'");
    }

    /// <summary>Null beyond the calendar's ends.</summary>
    public DateTime? At(DateTime utc)
    {
        var ticks = utc.Ticks + (Zone?.GetUtcOffset(utc) ?? Offset).Ticks;
        return ticks >= 0 && ticks <= DateTime.MaxValue.Ticks ? new DateTime(ticks, DateTimeKind.Unspecified) : null;
    }
}
