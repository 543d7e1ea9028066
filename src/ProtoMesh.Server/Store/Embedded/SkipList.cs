namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Says for how many members, counted from the first, something holds; it must hold for a prefix of the order.</summary>
internal interface IBound
{
    bool Contains(double score, ReadOnlySpan<byte> member);
}

/// <summary>
/// Members by score and then by their bytes. Every link knows how many members it skips, so a rank, a count and the
/// member at a rank each cost O(log n). After W. Pugh, "Skip Lists", 1990, and the spans of Redis' own list.
/// </summary>
internal sealed class SkipList
{
    private const int MaxLevels = 32;
    private readonly Node _head = new([], 0, MaxLevels);
    private readonly Node[] _path = new Node[MaxLevels];
    private readonly int[] _ranks = new int[MaxLevels];
    private int _levels = 1;
    private uint _random = 0x9E3779B9;

    public int Count { get; private set; }

    public Node Insert(double score, byte[] member)
    {
        Descend(new Below(score, member));
        var levels = RandomLevels();
        for (; _levels < levels; _levels++)
        {
            (_path[_levels], _ranks[_levels]) = (_head, 0);
            _head.LinkAt(_levels).Span = Count;
        }

        var node = new Node(member, score, levels);
        for (var level = 0; level < _levels; level++)
        {
            ref var link = ref _path[level].LinkAt(level);
            if (level >= levels)
            {
                link.Span++;
                continue;
            }

            var passed = _ranks[0] - _ranks[level];
            node.LinkAt(level) = new Link { Next = link.Next, Span = link.Span - passed };
            link = new Link { Next = node, Span = passed + 1 };
        }

        node.Previous = _path[0] == _head ? null : _path[0];
        Attach(node.Next, node);
        Count++;
        return node;
    }

    public void Remove(Node node)
    {
        Descend(new Below(node.Score, node.Member));
        for (var level = 0; level < _levels; level++)
        {
            ref var link = ref _path[level].LinkAt(level);
            if (link.Next == node)
            {
                ref var own = ref node.LinkAt(level);
                link = new Link { Next = own.Next, Span = link.Span + own.Span - 1 };
            }
            else
            {
                link.Span--;
            }
        }

        Attach(node.Next, node.Previous);
        while (_levels > 1 && _head.LinkAt(_levels - 1).Next is null)
        {
            _levels--;
        }

        Count--;
    }

    /// <summary>How many members the bound contains.</summary>
    public int CountIn<TBound>(TBound bound)
        where TBound : IBound, allows ref struct
    {
        var (node, rank) = (_head, 0);
        for (var level = _levels - 1; level >= 0; level--)
        {
            while (node.LinkAt(level) is { Next: { } next, Span: var span } && bound.Contains(next.Score, next.Member))
            {
                (node, rank) = (next, rank + span);
            }
        }

        return rank;
    }

    public int RankOf(Node node) => CountIn(new Below(node.Score, node.Member));

    /// <summary>The member at a rank from 0 to <see cref="Count"/> - 1.</summary>
    public Node At(int rank)
    {
        var (node, left) = (_head, rank + 1);
        for (var level = _levels - 1; level >= 0; level--)
        {
            while (node.LinkAt(level) is { Next: { } next, Span: var span } && span <= left)
            {
                (node, left) = (next, left - span);
            }
        }

        return node;
    }

    private void Descend(Below bound)
    {
        var (node, rank) = (_head, 0);
        for (var level = _levels - 1; level >= 0; level--)
        {
            while (node.LinkAt(level) is { Next: { } next, Span: var span } && bound.Contains(next.Score, next.Member))
            {
                (node, rank) = (next, rank + span);
            }

            (_path[level], _ranks[level]) = (node, rank);
        }
    }

    private static void Attach(Node? node, Node? previous)
    {
        if (node is not null)
        {
            node.Previous = previous;
        }
    }

    /// <summary>One member in four reaches the next level. Xorshift: the shape needs no better randomness.</summary>
    private int RandomLevels()
    {
        _random ^= _random << 13;
        _random ^= _random >> 17;
        _random ^= _random << 5;
        return Math.Min(MaxLevels, 1 + (System.Numerics.BitOperations.TrailingZeroCount(_random | 0x80000000) / 2));
    }

    internal struct Link
    {
        public Node? Next;
        public int Span;
    }

    internal sealed class Node(byte[] member, double score, int levels)
    {
        public readonly byte[] Member = member;
        public readonly double Score = score;
        public Node? Previous;

        // Three nodes of four have one link only, which needs no array.
        private readonly Link[]? _above = levels > 1 ? new Link[levels - 1] : null;
        private Link _first;

        public Node? Next => _first.Next;

        public ref Link LinkAt(int level)
        {
            if (level == 0)
            {
                return ref _first;
            }

            return ref _above![level - 1];
        }
    }

    private readonly ref struct Below(double score, ReadOnlySpan<byte> member) : IBound
    {
        private readonly ReadOnlySpan<byte> _member = member;

        public bool Contains(double score1, ReadOnlySpan<byte> member1) =>
            score1 < score || (score1 == score && member1.SequenceCompareTo(_member) < 0);
    }
}
