using System.Runtime.InteropServices;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Fields and their values.</summary>
internal sealed class Hash : Value
{
    private readonly Dictionary<byte[], byte[]> _fields = new(ByteComparer.Instance);
    private readonly Dictionary<byte[], byte[]>.AlternateLookup<ReadOnlySpan<byte>> _bySpan;

    public Hash() => _bySpan = _fields.GetAlternateLookup<ReadOnlySpan<byte>>();

    public override string TypeName => "hash";

    public override bool IsGone => _fields.Count == 0;

    public int Count => _fields.Count;

    public IEnumerable<KeyValuePair<byte[], byte[]>> Fields => _fields;

    public byte[]? this[ReadOnlySpan<byte> field] => _bySpan.TryGetValue(field, out var value) ? value : null;

    /// <summary>Returns the stored name, the value that was there before or null, and whether it is the same.</summary>
    public (byte[] Name, byte[]? Before, bool IsSame) Set(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (_bySpan.TryGetValue(field, out var name, out var before))
        {
            var isSame = value.SequenceEqual(before);
            if (!isSame)
            {
                CollectionsMarshal.GetValueRefOrNullRef(_fields, name) = value.ToArray();
            }

            return (name, before, isSame);
        }

        name = field.ToArray();
        _fields.Add(name, value.ToArray());
        return (name, null, false);
    }

    public bool Remove(ReadOnlySpan<byte> field, out byte[]? name, out byte[]? before) => _bySpan.Remove(field, out name, out before);
}
