global using EventId = ProtoMesh.Server.Store.EventId;

using System.Globalization;

namespace ProtoMesh.Server.Store;

/// <summary>An event's place in its partition's stream: the stream's own <c>epoch-counter</c>.</summary>
internal readonly record struct EventId(long Epoch, long Counter) : IComparable<EventId>
{
    public static EventId None => new(0, 0);

    public static EventId Parse(string text)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        return dash < 0 ? None : new EventId(
            long.Parse(text.AsSpan(0, dash), CultureInfo.InvariantCulture), long.Parse(text.AsSpan(dash + 1), CultureInfo.InvariantCulture));
    }

    public int CompareTo(EventId other) => Epoch != other.Epoch ? Epoch.CompareTo(other.Epoch) : Counter.CompareTo(other.Counter);

    public static bool operator <(EventId left, EventId right) => left.CompareTo(right) < 0;

    public static bool operator >(EventId left, EventId right) => left.CompareTo(right) > 0;

    public static bool operator <=(EventId left, EventId right) => left.CompareTo(right) <= 0;

    public static bool operator >=(EventId left, EventId right) => left.CompareTo(right) >= 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Epoch}-{Counter}");
}
