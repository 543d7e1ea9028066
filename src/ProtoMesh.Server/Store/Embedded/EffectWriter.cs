using System.Buffers.Binary;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>What an effect does. The numbers are on disk: they are never given another meaning.</summary>
internal enum EffectKind : byte
{
    /// <summary>The effects after it are on this key.</summary>
    Key = 1,
    SetField = 2,
    RemoveField = 3,
    SetMember = 4,
    RemoveMember = 5,
    Append = 6,
    Trim = 7,
    Delete = 8,

    /// <summary>The highest id a stream ever gave; only in snapshots, where a stream may be empty.</summary>
    LastId = 9,
}

/// <summary>The effects of one run in their binary form, behind the room that the record's header needs.</summary>
/// <remarks>A byte string is its length and its bytes; lengths and ids are base-128 numbers, a score is its eight bytes.</remarks>
internal sealed class EffectWriter
{
    private byte[] _buffer = new byte[4096];
    private byte[]? _key;
    private int _length = RecordFile.RecordHeader;

    public bool IsEmpty => _length == RecordFile.RecordHeader;

    public int Length => _length;

    /// <summary>Header room and effects, to be written at once.</summary>
    public Span<byte> Record => _buffer.AsSpan(0, _length);

    public void SetField(byte[] key, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        Begin(EffectKind.SetField, key);
        Write(field);
        Write(value);
    }

    public void RemoveField(byte[] key, ReadOnlySpan<byte> field)
    {
        Begin(EffectKind.RemoveField, key);
        Write(field);
    }

    public void SetMember(byte[] key, ReadOnlySpan<byte> member, double score)
    {
        Begin(EffectKind.SetMember, key);
        Write(member);
        BinaryPrimitives.WriteDoubleLittleEndian(Take(sizeof(double)), score);
    }

    public void RemoveMember(byte[] key, ReadOnlySpan<byte> member)
    {
        Begin(EffectKind.RemoveMember, key);
        Write(member);
    }

    public void Append(byte[] key, StreamEntry entry)
    {
        Begin(EffectKind.Append, key);
        Write(entry.Id.First);
        Write(entry.Id.Second);
        Write((ulong)entry.Fields.Length);
        foreach (var field in entry.Fields)
        {
            Write(field);
        }
    }

    public void Trim(byte[] key, int count)
    {
        Begin(EffectKind.Trim, key);
        Write((ulong)count);
    }

    public void Delete(byte[] key) => Begin(EffectKind.Delete, key);

    public void LastId(byte[] key, StreamId id)
    {
        Begin(EffectKind.LastId, key);
        Write(id.First);
        Write(id.Second);
    }

    public void Clear()
    {
        _length = RecordFile.RecordHeader;
        _key = null;
    }

    private void Begin(EffectKind kind, byte[] key)
    {
        if (!ReferenceEquals(_key, key))
        {
            Take(1)[0] = (byte)EffectKind.Key;
            Write(key);
            _key = key;
        }

        Take(1)[0] = (byte)kind;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        Write((ulong)bytes.Length);
        bytes.CopyTo(Take(bytes.Length));
    }

    private void Write(ulong number)
    {
        for (; number >= 0x80; number >>= 7)
        {
            Take(1)[0] = (byte)(number | 0x80);
        }

        Take(1)[0] = (byte)number;
    }

    private Span<byte> Take(int count)
    {
        if (_length + count > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        }

        _length += count;
        return _buffer.AsSpan(_length - count, count);
    }
}
