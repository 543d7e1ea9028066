using System.Runtime.InteropServices;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Compares byte strings by content, and lets a span ask for one that is stored as an array.</summary>
/// <remarks>The hash of texts is seeded anew in each process, so nobody can choose names that collide, and faster than <see cref="HashCode"/>.</remarks>
internal sealed class ByteComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static ByteComparer Instance { get; } = new();

    public bool Equals(byte[]? left, byte[]? right) => left.AsSpan().SequenceEqual(right);

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode(byte[] value) => GetHashCode(value.AsSpan());

    public int GetHashCode(ReadOnlySpan<byte> alternate)
    {
        var hash = string.GetHashCode(MemoryMarshal.Cast<byte, char>(alternate));
        return (alternate.Length & 1) == 0 ? hash : (hash * 31) + alternate[^1];
    }

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
}
