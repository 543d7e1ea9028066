using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Reads the records of a file one after the other.</summary>
internal sealed class RecordReader : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly long _generation;
    private byte[] _buffer = new byte[1 << 16];
    private long _bufferedFrom;
    private int _buffered;

    /// <exception cref="StoreException">It is not a file of this kind that this version can read.</exception>
    public RecordReader(string path, FileKind kind, long generation)
    {
        Path = path;
        _generation = generation;
        _file = File.OpenHandle(path, options: FileOptions.SequentialScan);
        Length = RandomAccess.GetLength(_file);
        if (RecordFile.Refusal(Bytes(0, RecordFile.FileHeader), kind, generation) is { } refusal)
        {
            _file.Dispose();
            throw StoreException.Unavailable($"The file {path} {refusal}.");
        }
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>Where the next record starts; after a failed <see cref="TryRead"/> the end of what is whole.</summary>
    public long Offset { get; private set; } = RecordFile.FileHeader;

    /// <summary>The next payload, good until the next call; false at the end and at a record that is not whole.</summary>
    public bool TryRead(out ReadOnlySpan<byte> payload)
    {
        if (!TryReadAt(Offset, out payload))
        {
            return false;
        }

        Offset += RecordFile.RecordHeader + payload.Length;
        return true;
    }

    /// <summary>Whether a whole record lies anywhere behind the first that is not: then that one is damaged, and not merely unfinished.</summary>
    public bool HasRecordBehind()
    {
        for (var offset = Offset + 1; offset <= Length - RecordFile.RecordHeader; offset++)
        {
            if (TryReadAt(offset, out _))
            {
                return true;
            }
        }

        return false;
    }

    public void Dispose() => _file.Dispose();

    private bool TryReadAt(long offset, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        var header = Bytes(offset, RecordFile.RecordHeader);
        if (!RecordFile.IsHeader(header, _generation, offset))
        {
            return false;
        }

        var record = Bytes(offset, (long)RecordFile.RecordHeader + BinaryPrimitives.ReadUInt32LittleEndian(header));
        return RecordFile.TryOpen(record, out payload);
    }

    /// <summary>The bytes from an offset, as many of them as there are.</summary>
    private ReadOnlySpan<byte> Bytes(long offset, long count)
    {
        count = Math.Max(0, Math.Min(count, Length - offset));
        if (offset < _bufferedFrom || offset + count > _bufferedFrom + _buffered)
        {
            if (count > _buffer.Length)
            {
                _buffer = new byte[Math.Max(count, _buffer.Length * 2L)];
            }

            _bufferedFrom = offset;
            _buffered = 0;
            while (_buffered < count && RandomAccess.Read(_file, _buffer.AsSpan(_buffered), offset + _buffered) is > 0 and var read)
            {
                _buffered += read;
            }
        }

        return _buffer.AsSpan((int)(offset - _bufferedFrom), (int)Math.Min(count, _buffered));
    }
}
