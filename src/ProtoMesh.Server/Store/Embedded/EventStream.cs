namespace ProtoMesh.Server.Store.Embedded;

/// <summary>An entry: its fields and values alternate.</summary>
internal readonly record struct StreamEntry(StreamId Id, byte[][] Fields);

/// <summary>Entries in the order of their ids: appended at the end, trimmed at the start. A ring that grows.</summary>
internal sealed class EventStream : Value
{
    private StreamEntry[] _ring = new StreamEntry[16];
    private int _start;

    public override string TypeName => "stream";

    public override bool IsGone => false;

    public int Count { get; private set; }

    /// <summary>The highest id ever given, also when its entry is gone.</summary>
    public StreamId LastId { get; set; }

    public StreamEntry this[int index] => _ring[Slot(index)];

    public void Append(StreamEntry entry)
    {
        Grow(1);
        _ring[Slot(Count++)] = entry;
        LastId = entry.Id;
    }

    public void RemoveLast() => _ring[Slot(--Count)] = default;

    public StreamEntry[] RemoveFirst(int count)
    {
        var removed = new StreamEntry[count];
        for (var index = 0; index < count; index++)
        {
            removed[index] = _ring[_start];
            _ring[_start] = default;
            _start = Slot(1);
        }

        Count -= count;
        return removed;
    }

    /// <summary>Puts back what <see cref="RemoveFirst"/> took.</summary>
    public void Prepend(StreamEntry[] entries)
    {
        Grow(entries.Length);
        _start = (_start - entries.Length) & (_ring.Length - 1);
        Count += entries.Length;
        for (var index = 0; index < entries.Length; index++)
        {
            _ring[Slot(index)] = entries[index];
        }
    }

    /// <summary>How many entries have an id below the given one.</summary>
    public int CountBelow(StreamId id)
    {
        int low = 0, high = Count;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = this[middle].Id < id ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private int Slot(int index) => (_start + index) & (_ring.Length - 1);

    private void Grow(int by)
    {
        if (Count + by <= _ring.Length)
        {
            return;
        }

        var larger = new StreamEntry[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(Count + by))];
        for (var index = 0; index < Count; index++)
        {
            larger[index] = this[index];
        }

        (_ring, _start) = (larger, 0);
    }
}
