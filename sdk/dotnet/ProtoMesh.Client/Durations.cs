namespace ProtoMesh;

/// <summary>What a duration may be before it is sent or waited for.</summary>
internal static class Durations
{
    // Beyond every limit of the service, and what the timers of the platform take.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <exception cref="ArgumentException">It is negative, as <see cref="Timeout.InfiniteTimeSpan"/> is, or as good as endless.</exception>
    public static void Check(TimeSpan? given, string name)
    {
        if (given < TimeSpan.Zero || given > Longest)
        {
            throw new ArgumentException($"{name} is a time span of 0 to {Longest.TotalDays:0} days, and not {given}.");
        }
    }

    /// <inheritdoc cref="Check(TimeSpan?, string)"/>
    public static void Check(LeaseOptions options)
    {
        Check(options.Wait, nameof(options.Wait));
        Check(options.Ttl, nameof(options.Ttl));
        Check(options.MaxHold, nameof(options.MaxHold));
        Check(options.Drain, nameof(options.Drain));
    }
}
