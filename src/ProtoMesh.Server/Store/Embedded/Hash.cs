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

    /// <summary>Returns the stored name, and the value that was there before or null.</summary>
    public (byte[] Name, byte[]? Before) Set(ReadOnlySpan<byte> field, byte[] value)
    {
        if (_bySpan.TryGetValue(field, out var name, out var before))
        {
            CollectionsMarshal.GetValueRefOrNullRef(_fields, name) = value;
            return (name, before);
        }

        name = field.ToArray();
        _fields.Add(name, value);
        return (name, null);
    }

    public bool Remove(ReadOnlySpan<byte> field, out byte[]? name, out byte[]? before) => _bySpan.Remove(field, out name, out before);
}
