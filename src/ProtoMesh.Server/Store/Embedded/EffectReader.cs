using System.Buffers.Binary;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Carries recorded effects out on a keyspace.</summary>
internal ref struct EffectReader(ReadOnlySpan<byte> effects)
{
    private ReadOnlySpan<byte> _rest = effects;

    /// <exception cref="InvalidDataException">The bytes are whole but are not effects: another program wrote them.</exception>
    public static void Apply(Keyspace keyspace, ReadOnlySpan<byte> effects)
    {
        try
        {
            var reader = new EffectReader(effects);
            reader.Apply(keyspace);
            keyspace.Commit();
        }
        catch (Exception failure) when (failure is InvalidCastException or ArgumentOutOfRangeException or OverflowException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("The record is whole, but not understood.", failure);
        }
    }

    private void Apply(Keyspace keyspace)
    {
        byte[] key = [];
        while (!_rest.IsEmpty)
        {
            switch ((EffectKind)Take(1)[0])
            {
                case EffectKind.Key:
                    key = Bytes().ToArray();
                    break;
                case EffectKind.SetField:
                    keyspace.SetField(keyspace.Open<Hash>(key), Bytes(), Bytes());
                    break;
                case EffectKind.RemoveField:
                    keyspace.RemoveField(keyspace.Open<Hash>(key), Bytes());
                    break;
                case EffectKind.SetMember:
                    var set = keyspace.Open<SortedSet>(key);
                    var member = Bytes();
                    keyspace.SetMember(set, set.Find(member), member, BinaryPrimitives.ReadDoubleLittleEndian(Take(sizeof(double))));
                    break;
                case EffectKind.RemoveMember:
                    keyspace.RemoveMember(keyspace.Open<SortedSet>(key), Bytes());
                    break;
                case EffectKind.Append:
                    keyspace.Append(keyspace.Open<EventStream>(key), Entry());
                    break;
                case EffectKind.Trim:
                    keyspace.Trim(keyspace.Open<EventStream>(key), checked((int)Number()));
                    break;
                case EffectKind.Delete:
                    keyspace.Delete(key);
                    break;
                case EffectKind.LastId:
                    keyspace.Open<EventStream>(key).LastId = new StreamId(Number(), Number());
                    break;
                case var unknown:
                    throw new InvalidDataException($"The record has an effect of kind {(byte)unknown}, which this version does not know.");
            }
        }
    }

    private StreamEntry Entry()
    {
        var id = new StreamId(Number(), Number());
        var fields = new byte[checked((int)Number())][];
        for (var index = 0; index < fields.Length; index++)
        {
            fields[index] = Bytes().ToArray();
        }

        return new StreamEntry(id, fields);
    }

    private ReadOnlySpan<byte> Bytes() => Take(checked((int)Number()));

    private ulong Number()
    {
        ulong number = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = Take(1)[0];
            number |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return number;
            }
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
