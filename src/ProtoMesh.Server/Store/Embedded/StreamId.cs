using System.Buffers.Text;
using System.Globalization;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>The id of a stream's entry: two unsigned numbers, written <c>first-second</c>.</summary>
internal readonly record struct StreamId(ulong First, ulong Second) : IComparable<StreamId>
{
    public static StreamId Min => default;

    public static StreamId Max => new(ulong.MaxValue, ulong.MaxValue);

    /// <summary>The id after this one; null after the last.</summary>
    public StreamId? Next => this == Max ? null : Second == ulong.MaxValue ? new(First + 1, 0) : new(First, Second + 1);

    /// <summary>The id before this one; null before the first.</summary>
    public StreamId? Previous => this == Min ? null : Second == 0 ? new(First - 1, ulong.MaxValue) : new(First, Second - 1);

    public int CompareTo(StreamId other) => First != other.First ? First.CompareTo(other.First) : Second.CompareTo(other.Second);

    public static bool operator <(StreamId left, StreamId right) => left.CompareTo(right) < 0;

    public static bool operator >(StreamId left, StreamId right) => left.CompareTo(right) > 0;

    public static bool operator <=(StreamId left, StreamId right) => left.CompareTo(right) <= 0;

    public static bool operator >=(StreamId left, StreamId right) => left.CompareTo(right) >= 0;

    /// <summary>Reads <c>5-3</c>, and <c>5</c> with the second number given.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, ulong missingSecond, out StreamId id)
    {
        id = default;
        var dash = text.IndexOf((byte)'-');
        var second = missingSecond;
        if (!TryParseNumber(dash < 0 ? text : text[..dash], out var first) || (dash >= 0 && !TryParseNumber(text[(dash + 1)..], out second)))
        {
            return false;
        }

        id = new StreamId(first, second);
        return true;
    }

    public int Format(Span<byte> target)
    {
        Utf8Formatter.TryFormat(First, target, out var length);
        target[length++] = (byte)'-';
        Utf8Formatter.TryFormat(Second, target[length..], out var rest);
        return length + rest;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{First}-{Second}");

    public static bool TryParseNumber(ReadOnlySpan<byte> text, out ulong number) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
