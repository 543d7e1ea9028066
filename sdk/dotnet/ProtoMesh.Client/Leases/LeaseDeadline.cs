namespace ProtoMesh.Leases;

/// <summary>
/// Until when a holder may believe in its lease. The service ran its script at the earliest <c>served_ms</c> after the
/// request was sent, so "sent + served + expires_in" on the sender's own monotonic clock is never later than the
/// service's deadline, however long the answer took. The margin covers two clocks that tick at slightly different
/// rates and the time that it takes to stop working.
/// </summary>
internal static class LeaseDeadline
{
    private static readonly TimeSpan Reaction = TimeSpan.FromMilliseconds(2);

    /// <returns>A timestamp of <paramref name="time"/>; at or before <paramref name="sent"/> when nothing is left.</returns>
    public static long Compute(TimeProvider time, long sent, long servedMs, long expiresInMs)
    {
        var told = TimeSpan.FromMilliseconds(servedMs + expiresInMs);
        return Add(time, sent, told - (told / 100) - Reaction);
    }

    public static long Add(TimeProvider time, long timestamp, TimeSpan span) =>
        timestamp + (long)(span.TotalSeconds * time.TimestampFrequency);

    public static TimeSpan Until(TimeProvider time, long timestamp) => time.GetElapsedTime(time.GetTimestamp(), timestamp);
}
