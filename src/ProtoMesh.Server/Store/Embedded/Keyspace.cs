namespace ProtoMesh.Server.Store.Embedded;

/// <summary>
/// All keys, and everything that may change them. Each change is written down twice: as an effect, which the log keeps,
/// and as what was there before, so that a run that fails half-way can be undone.
/// </summary>
internal sealed class Keyspace
{
    private readonly Dictionary<byte[], Value> _values = new(ByteComparer.Instance);
    private readonly Dictionary<byte[], Value>.AlternateLookup<ReadOnlySpan<byte>> _bySpan;
    private readonly List<Undo> _undo = [];

    public Keyspace() => _bySpan = _values.GetAlternateLookup<ReadOnlySpan<byte>>();

    private enum UndoKind
    {
        KeyAdded,
        KeyRemoved,
        Field,
        Member,
        Appended,
        Trimmed,
    }

    /// <summary>What the current run has changed.</summary>
    public EffectWriter Effects { get; } = new();

    public int Count => _values.Count;

    public IEnumerable<Value> Values => _values.Values;

    public Value? Find(ReadOnlySpan<byte> key) => _bySpan.TryGetValue(key, out var value) ? value : null;

    /// <summary>The value of a key, made when it is missing. A key of another type is the caller's to refuse first.</summary>
    public T Open<T>(ReadOnlySpan<byte> key)
        where T : Value, new()
    {
        if (Find(key) is { } found)
        {
            return (T)found;
        }

        var made = new T { Key = key.ToArray() };
        _values.Add(made.Key, made);
        _undo.Add(new Undo(UndoKind.KeyAdded, made));
        return made;
    }

    /// <summary>True when the field is new.</summary>
    public bool SetField(Hash hash, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        var (name, before, isSame) = hash.Set(field, value);
        if (isSame)
        {
            return false;
        }

        _undo.Add(new Undo(UndoKind.Field, hash, name, before));
        Effects.SetField(hash.Key, field, value);
        return before is null;
    }

    public bool RemoveField(Hash hash, ReadOnlySpan<byte> field)
    {
        if (!hash.Remove(field, out var name, out var before))
        {
            return false;
        }

        _undo.Add(new Undo(UndoKind.Field, hash, name, before));
        Effects.RemoveField(hash.Key, field);
        Forget(hash);
        return true;
    }

    /// <param name="old">What <see cref="SortedSet.Find"/> says of the member.</param>
    public void SetMember(SortedSet set, SkipList.Node? old, ReadOnlySpan<byte> member, double score)
    {
        var (name, before) = set.Set(old, member, score);
        _undo.Add(new Undo(UndoKind.Member, set, name, Score: before));
        Effects.SetMember(set.Key, member, score);
    }

    public bool RemoveMember(SortedSet set, ReadOnlySpan<byte> member)
    {
        if (set.Remove(member) is not { } node)
        {
            return false;
        }

        _undo.Add(new Undo(UndoKind.Member, set, node.Member, Score: node.Score));
        Effects.RemoveMember(set.Key, member);
        Forget(set);
        return true;
    }

    public void Append(EventStream stream, StreamEntry entry)
    {
        _undo.Add(new Undo(UndoKind.Appended, stream, Before: stream.LastId));
        stream.Append(entry);
        Effects.Append(stream.Key, entry);
    }

    public void Trim(EventStream stream, int count)
    {
        if (count > 0)
        {
            _undo.Add(new Undo(UndoKind.Trimmed, stream, Before: stream.RemoveFirst(count)));
            Effects.Trim(stream.Key, count);
        }
    }

    public bool Delete(ReadOnlySpan<byte> key)
    {
        if (!_bySpan.Remove(key, out _, out var value))
        {
            return false;
        }

        _undo.Add(new Undo(UndoKind.KeyRemoved, value));
        Effects.Delete(value.Key);
        return true;
    }

    /// <summary>Ends a run whose effects are kept.</summary>
    public void Commit()
    {
        _undo.Clear();
        Effects.Clear();
    }

    /// <summary>Ends a run as if it had never begun.</summary>
    public void Rollback()
    {
        for (var index = _undo.Count - 1; index >= 0; index--)
        {
            Revert(_undo[index]);
        }

        Commit();
    }

    private void Forget(Value value)
    {
        if (value.IsGone)
        {
            _values.Remove(value.Key);
            _undo.Add(new Undo(UndoKind.KeyRemoved, value));
        }
    }

    private void Revert(in Undo undo)
    {
        switch (undo.Kind)
        {
            case UndoKind.KeyAdded:
                _values.Remove(undo.Target.Key);
                break;
            case UndoKind.KeyRemoved:
                _values.Add(undo.Target.Key, undo.Target);
                break;
            case UndoKind.Field when undo.Before is byte[] before:
                ((Hash)undo.Target).Set(undo.Name, before);
                break;
            case UndoKind.Field:
                ((Hash)undo.Target).Remove(undo.Name, out _, out _);
                break;
            case UndoKind.Member when double.IsNaN(undo.Score):
                ((SortedSet)undo.Target).Remove(undo.Name);
                break;
            case UndoKind.Member:
                ((SortedSet)undo.Target).Set(undo.Name, undo.Score);
                break;
            case UndoKind.Appended:
                ((EventStream)undo.Target).RemoveLast();
                ((EventStream)undo.Target).LastId = (StreamId)undo.Before!;
                break;
            case UndoKind.Trimmed:
                ((EventStream)undo.Target).Prepend((StreamEntry[])undo.Before!);
                break;
        }
    }

    private readonly record struct Undo(UndoKind Kind, Value Target, byte[]? Name = null, object? Before = null, double Score = 0);
}
