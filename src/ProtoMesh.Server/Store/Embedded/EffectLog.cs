using Microsoft.Win32.SafeHandles;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>
/// The files of a store. Generation g is the snapshot g (what all earlier logs came to) and the log g (what came after it).
/// A start reads the highest snapshot and every log from its generation on, so a rotation may stop after any of its steps:
/// the next log exists before the snapshot that it follows, and what is older is deleted only when that is on the disk.
/// </summary>
/// <remarks>All but <see cref="Flush"/> are for one thread at a time.</remarks>
internal sealed class EffectLog : IDisposable
{
    private readonly Lock _flushing = new();
    private readonly StoreFolder _folder;
    private readonly ILogger _logger;
    private readonly long _rotateAt;
    private SafeFileHandle _file = null!;
    private long _generation;
    private long _length;
    private long _sinceSnapshot;
    private long _snapshotLength;
    private long _rotateAgainAt;
    private bool _torn;
    private volatile bool _dirty;
    private volatile bool _doubtful;
    private (long Generation, SafeFileHandle File)? _snapshot;

    /// <summary>Opens the folder's files, and brings the keyspace to where they end.</summary>
    /// <exception cref="StoreException">They are damaged, of a newer version, or not ours.</exception>
    public EffectLog(StoreFolder folder, Keyspace keyspace, long rotateAt, ILogger logger)
    {
        (_folder, _rotateAt, _logger) = (folder, rotateAt, logger);
        var start = folder.Generations(FileKind.Snapshot).LastOrDefault();
        if (start > 0)
        {
            var path = folder.FileOf(FileKind.Snapshot, start);
            Snapshot.Read(path, start, keyspace);
            _snapshotLength = new FileInfo(path).Length;
        }

        DeleteOlder(start);
        var logs = folder.Generations(FileKind.Log);
        _generation = Math.Max(1, start);
        if (logs.Count == 0 && start == 0)
        {
            _file = CreateLog(1);
            _length = RecordFile.FileHeader;
            return;
        }

        for (; ; _generation++)
        {
            var path = folder.FileOf(FileKind.Log, _generation);
            if (!logs.Contains(_generation))
            {
                throw StoreException.Unavailable($"The file {path} of the embedded store is missing; restore the folder from a copy.");
            }

            var isLast = _generation == logs[^1];
            var length = Replay(path, keyspace, isLast);
            _sinceSnapshot += length;
            if (isLast)
            {
                _file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
                _length = length;
                CutTornTail();
                return;
            }
        }
    }

    /// <summary>
    /// Set when a flush failed: the system may have dropped what it could not write, and asking again would succeed
    /// without having written it. Only a new generation helps, as all of it is written anew.
    /// </summary>
    public bool IsDoubtful { get => _doubtful; private set => _doubtful = value; }

    public static StoreException Damaged(string path, long offset, string remedy) =>
        StoreException.Unavailable($"The file {path} of the embedded store is damaged at byte {offset}; {remedy}.");

    /// <summary>Writes one record behind the last; the process may then be killed without losing it.</summary>
    /// <exception cref="IOException">Nothing was written.</exception>
    public void Append(EffectWriter effects)
    {
        if (_torn)
        {
            CutTornTail();
        }

        RecordFile.Seal(effects.Record, _generation, _length);
        try
        {
            RandomAccess.Write(_file, effects.Record, _length);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _torn = true;
            throw;
        }

        _length += effects.Length;
        _sinceSnapshot += effects.Length;
        _dirty = true;
    }

    /// <summary>Starts the next generation when the log has become long.</summary>
    public void RotateIfDue(Keyspace keyspace)
    {
        if (_sinceSnapshot < Math.Max(_rotateAt, 2 * _snapshotLength) || _length < _rotateAgainAt)
        {
            return;
        }

        try
        {
            Rotate(keyspace);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The log that is open goes on; the next try comes a little later.
            _rotateAgainAt = _length + (_rotateAt / 8);
            EmbeddedLog.RotationFailed(_logger, _folder.Path, failure);
        }
    }

    /// <summary>Makes what was appended survive a power cut, and puts a finished snapshot in the place of what it replaces.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public void Flush()
    {
        lock (_flushing)
        {
            if (_dirty)
            {
                _dirty = false;
                try
                {
                    DiskSync.File(_file);
                }
                catch
                {
                    IsDoubtful = true;
                    throw;
                }
            }

            if (_snapshot is { } snapshot)
            {
                _snapshot = null;
                Publish(snapshot.File, FileKind.Snapshot, snapshot.Generation);
                snapshot.File.Dispose();
                DeleteOlder(snapshot.Generation);
                IsDoubtful = false;
            }

            if (IsDoubtful)
            {
                throw new IOException("An earlier flush failed.");
            }
        }
    }

    /// <summary>Starts the next generation: a new log at once, and a snapshot that the next flush completes.</summary>
    /// <exception cref="IOException">The disk did not take it. The store goes on with the log that it has.</exception>
    public void Rotate(Keyspace keyspace)
    {
        lock (_flushing)
        {
            if (_torn)
            {
                CutTornTail();
            }

            if (!IsDoubtful)
            {
                DiskSync.File(_file);
            }

            if (_snapshot is { } unfinished)
            {
                _snapshot = null;
                Discard(unfinished.File, FileKind.Snapshot, unfinished.Generation);
            }

            var next = _generation + 1;
            var log = CreateLog(next);
            _file.Dispose();
            (_file, _generation, _length, _sinceSnapshot, _rotateAgainAt) = (log, next, RecordFile.FileHeader, 0, 0);

            var snapshot = Create(FileKind.Snapshot, next);
            try
            {
                _snapshotLength = Snapshot.Write(snapshot, keyspace, next);
                _snapshot = (next, snapshot);
            }
            catch
            {
                Discard(snapshot, FileKind.Snapshot, next);
                throw;
            }
        }
    }

    public void Dispose()
    {
        _snapshot?.File.Dispose();
        _file.Dispose();
    }

    private long Replay(string path, Keyspace keyspace, bool isLast)
    {
        using var reader = new RecordReader(path, FileKind.Log, _generation);
        while (reader.TryRead(out var effects))
        {
            Apply(reader, effects, keyspace);
        }

        var offset = reader.Offset;
        if (offset == reader.Length)
        {
            return offset;
        }

        if (!isLast || reader.HasRecordBehind())
        {
            throw Damaged(path, offset, $"restore the folder from a copy, or, to do without everything after that point, cut the file to {offset} bytes");
        }

        EmbeddedLog.TornTail(_logger, path, reader.Length - offset, offset);
        _torn = true;
        return offset;
    }

    public static void Apply(RecordReader reader, ReadOnlySpan<byte> effects, Keyspace keyspace)
    {
        try
        {
            EffectReader.Apply(keyspace, effects);
        }
        catch (InvalidDataException failure)
        {
            throw StoreException.Unavailable(
                $"The file {reader.Path} of the embedded store has a record before byte {reader.Offset} that this version of ProtoMesh does not understand; start the version that wrote it.", failure);
        }
    }

    private void CutTornTail()
    {
        RandomAccess.SetLength(_file, _length);
        _torn = false;
    }

    private SafeFileHandle CreateLog(long generation)
    {
        var file = Create(FileKind.Log, generation);
        Publish(file, FileKind.Log, generation);
        return file;
    }

    private SafeFileHandle Create(FileKind kind, long generation)
    {
        var file = File.OpenHandle(_folder.TemporaryOf(kind, generation), FileMode.Create, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
        try
        {
            RandomAccess.Write(file, RecordFile.Header(kind, generation), 0);
            return file;
        }
        catch
        {
            Discard(file, kind, generation);
            throw;
        }
    }

    private void Publish(SafeFileHandle file, FileKind kind, long generation)
    {
        try
        {
            DiskSync.File(file);
            _folder.Publish(kind, generation);
        }
        catch
        {
            Discard(file, kind, generation);
            throw;
        }
    }

    private void Discard(SafeFileHandle file, FileKind kind, long generation)
    {
        file.Dispose();
        File.Delete(_folder.TemporaryOf(kind, generation));
        File.Delete(_folder.FileOf(kind, generation));
    }

    private void DeleteOlder(long generation)
    {
        foreach (var kind in new[] { FileKind.Snapshot, FileKind.Log })
        {
            foreach (var old in _folder.Generations(kind).Where(found => found < generation))
            {
                File.Delete(_folder.FileOf(kind, old));
            }
        }
    }
}
