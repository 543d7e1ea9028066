using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace ProtoMesh.Server.Store.Embedded;

internal enum FileKind
{
    Log = 1,
    Snapshot = 2,
}

/// <summary>The format that logs and snapshots share.</summary>
/// <remarks>
/// File: 8 bytes magic, then little-endian: format version u32, kind u32, generation u64, CRC-32C of these u32; records.
/// Record: length of the payload u32, CRC-32C of the payload u32, CRC-32C of (generation, offset, these two) u32; payload.
/// The third number proves a header, so that a damaged length cannot pass for the end of the file. A snapshot ends with
/// an empty record.
/// </remarks>
internal static class RecordFile
{
    public const int FileHeader = 28;
    public const int RecordHeader = 12;
    private const uint Version = 1;

    private static ReadOnlySpan<byte> Magic => "PMSTORE\n"u8;

    public static byte[] Header(FileKind kind, long generation)
    {
        var header = new byte[FileHeader];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), (uint)kind);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), generation);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(24), Crc(header.AsSpan(0, 24)));
        return header;
    }

    /// <summary>Why a file with this header cannot be used; null when it can.</summary>
    public static string? Refusal(ReadOnlySpan<byte> header, FileKind kind, long generation)
    {
        if (header.Length < FileHeader || !header.StartsWith(Magic))
        {
            return "is not a file of the embedded store";
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version > Version)
        {
            return $"has format {version}, and this version of ProtoMesh reads formats up to {Version}; start the version that wrote it";
        }

        return header.SequenceEqual(Header(kind, generation)) ? null : "has a damaged header, or was renamed";
    }

    /// <summary>Fills in the header of a record that is to be written at an offset.</summary>
    public static void Seal(Span<byte> record, long generation, long offset)
    {
        BinaryPrimitives.WriteInt32LittleEndian(record, record.Length - RecordHeader);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], Crc(record[RecordHeader..]));
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], HeaderCrc(record, generation, offset));
    }

    public static bool IsHeader(ReadOnlySpan<byte> bytes, long generation, long offset) =>
        bytes.Length >= RecordHeader && BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) == HeaderCrc(bytes, generation, offset);

    /// <summary>The payload behind a proven header; false unless all of it is there and unharmed.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> record, out ReadOnlySpan<byte> payload)
    {
        payload = record[RecordHeader..];
        return payload.Length == BinaryPrimitives.ReadInt32LittleEndian(record) && BinaryPrimitives.ReadUInt32LittleEndian(record[4..]) == Crc(payload);
    }

    private static uint HeaderCrc(ReadOnlySpan<byte> record, long generation, long offset)
    {
        var crc = BitOperations.Crc32C(BitOperations.Crc32C(uint.MaxValue, (ulong)generation), (ulong)offset);
        return ~BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(record));
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
        {
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        }

        foreach (var rest in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, rest);
        }

        return ~crc;
    }
}
