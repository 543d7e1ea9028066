using System.Globalization;

namespace ProtoMesh.Server.Budgets;

/// <summary>When a budget starts anew. <see cref="Shape"/> is its name in the store: another shape counts anew.</summary>
internal abstract record BudgetWindow
{
    /// <summary>Never.</summary>
    public static BudgetWindow Lifetime { get; } = new Endless();

    public abstract string Shape { get; }

    /// <summary>The window that a time lies in; null where it has no fixed ends.</summary>
    public virtual (DateTimeOffset Start, DateTimeOffset End)? At(DateTimeOffset now) => null;

    /// <summary>The last so long, at any moment.</summary>
    internal sealed record Rolling(TimeSpan Span) : BudgetWindow
    {
        public override string Shape => string.Create(CultureInfo.InvariantCulture, $"r:{(long)Span.TotalMilliseconds}");

        /// <summary>The parts that the store counts in, as <c>counters.lua</c> has them.</summary>
        public long BucketMs => ((long)Span.TotalMilliseconds + 58) / 59;

        /// <summary>The oldest part that is still in the window.</summary>
        public long FirstBucket(DateTimeOffset now) => (now.ToUnixTimeMilliseconds() - (long)Span.TotalMilliseconds) / BucketMs;
    }

    /// <summary>An hour, day, week from Monday or month of a time zone, however long its clocks make it.</summary>
    internal sealed record Calendar(string Period, string Tz, TimeZoneInfo Zone) : BudgetWindow
    {
        public static readonly string[] Periods = ["hour", "day", "week", "month"];

        public override string Shape => $"c:{Period}:{Tz}";

        public override (DateTimeOffset Start, DateTimeOffset End)? At(DateTimeOffset now)
        {
            var local = TimeZoneInfo.ConvertTime(now, Zone);
            if (Period == "hour")
            {
                // An hour that the clocks repeat is two windows.
                var start = local.AddTicks(-(local.Ticks % TimeSpan.TicksPerHour));
                return (start.ToUniversalTime(), start.AddHours(1).ToUniversalTime());
            }

            var first = Period switch
            {
                "day" => local.Date,
                "week" => local.Date.AddDays(-(((int)local.DayOfWeek + 6) % 7)),
                _ => new DateTime(local.Year, local.Month, 1, 0, 0, 0, DateTimeKind.Unspecified),
            };
            var next = Period switch { "day" => first.AddDays(1), "week" => first.AddDays(7), _ => first.AddMonths(1) };
            return (FirstMoment(first), FirstMoment(next));
        }

        /// <summary>When a local day begins: the earlier of two midnights, and the end of the gap where there is none.</summary>
        private DateTimeOffset FirstMoment(DateTime midnight)
        {
            if (Zone.IsAmbiguousTime(midnight))
            {
                return new DateTimeOffset(midnight, Zone.GetAmbiguousTimeOffsets(midnight).Max()).ToUniversalTime();
            }

            if (!Zone.IsInvalidTime(midnight))
            {
                return new DateTimeOffset(midnight, Zone.GetUtcOffset(midnight)).ToUniversalTime();
            }

            var moment = new DateTimeOffset(midnight, Zone.GetUtcOffset(midnight.AddDays(-1))).ToUniversalTime();
            while (TimeZoneInfo.ConvertTime(moment.AddMinutes(-1), Zone).DateTime >= midnight)
            {
                moment = moment.AddMinutes(-1);
            }

            return moment;
        }
    }

    private sealed record Endless : BudgetWindow
    {
        public override string Shape => "l";
    }
}
