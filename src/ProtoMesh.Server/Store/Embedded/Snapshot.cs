using Microsoft.Win32.SafeHandles;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>A whole keyspace as a file: the effects that make it, in records of bounded size, and an empty record at the end.</summary>
internal static class Snapshot
{
    private const int RecordSize = 256 * 1024;

    /// <summary>Writes the file without flushing it, and returns its length.</summary>
    public static long Write(SafeFileHandle file, Keyspace keyspace, long generation)
    {
        var effects = new EffectWriter();
        var offset = (long)RecordFile.FileHeader;
        RandomAccess.Write(file, RecordFile.Header(FileKind.Snapshot, generation), 0);
        foreach (var _ in Effects(keyspace, effects))
        {
            if (effects.Length >= RecordSize)
            {
                Flush();
            }
        }

        if (!effects.IsEmpty)
        {
            Flush();
        }

        Flush();
        return offset;

        void Flush()
        {
            RecordFile.Seal(effects.Record, generation, offset);
            RandomAccess.Write(file, effects.Record, offset);
            offset += effects.Length;
            effects.Clear();
        }
    }

    /// <exception cref="StoreException">It is damaged.</exception>
    public static void Read(string path, long generation, Keyspace keyspace)
    {
        using var reader = new RecordReader(path, FileKind.Snapshot, generation);
        while (reader.TryRead(out var effects))
        {
            if (effects.IsEmpty && reader.Offset == reader.Length)
            {
                return;
            }

            EffectLog.Apply(reader, effects, keyspace);
        }

        throw EffectLog.Damaged(path, reader.Offset, "restore the folder from a copy");
    }

    /// <summary>Writes effect after effect; a step for each, so that the caller can end a record between two.</summary>
    private static IEnumerable<Value> Effects(Keyspace keyspace, EffectWriter effects)
    {
        foreach (var value in keyspace.Values)
        {
            switch (value)
            {
                case Hash hash:
                    foreach (var (field, content) in hash.Fields)
                    {
                        effects.SetField(hash.Key, field, content);
                        yield return hash;
                    }

                    break;
                case SortedSet { Order: var order } set:
                    for (var node = order.At(0); node is not null; node = node.Next)
                    {
                        effects.SetMember(set.Key, node.Member, node.Score);
                        yield return set;
                    }

                    break;
                case EventStream stream:
                    for (var index = 0; index < stream.Count; index++)
                    {
                        effects.Append(stream.Key, stream[index]);
                        yield return stream;
                    }

                    effects.LastId(stream.Key, stream.LastId);
                    yield return stream;
                    break;
            }
        }
    }
}
