namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Members with a score each, found by name and by order.</summary>
internal sealed class SortedSet : Value
{
    private readonly Dictionary<byte[], SkipList.Node> _members = new(ByteComparer.Instance);
    private readonly Dictionary<byte[], SkipList.Node>.AlternateLookup<ReadOnlySpan<byte>> _bySpan;

    public SortedSet() => _bySpan = _members.GetAlternateLookup<ReadOnlySpan<byte>>();

    public override string TypeName => "zset";

    public override bool IsGone => Order.Count == 0;

    public SkipList Order { get; } = new();

    public SkipList.Node? Find(ReadOnlySpan<byte> member) => _bySpan.TryGetValue(member, out var node) ? node : null;

    public (byte[] Name, double Before) Set(ReadOnlySpan<byte> member, double score) => Set(Find(member), member, score);

    /// <summary>Adds a member, or moves the one that was found; its score before or NaN is returned with its stored name.</summary>
    public (byte[] Name, double Before) Set(SkipList.Node? old, ReadOnlySpan<byte> member, double score)
    {
        if (old is null)
        {
            var name = member.ToArray();
            _members.Add(name, Order.Insert(score, name));
            return (name, double.NaN);
        }

        Order.Remove(old);
        _members[old.Member] = Order.Insert(score, old.Member);
        return (old.Member, old.Score);
    }

    public SkipList.Node? Remove(ReadOnlySpan<byte> member)
    {
        if (!_bySpan.Remove(member, out _, out var node))
        {
            return null;
        }

        Order.Remove(node);
        return node;
    }
}
