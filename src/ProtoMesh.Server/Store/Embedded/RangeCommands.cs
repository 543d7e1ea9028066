namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Ranges of sorted sets. Each is first turned into the ranks from which and before which it reaches.</summary>
internal static class RangeCommands
{
    private const string BadScores = "ERR min or max is not a float";
    private const string BadTexts = "ERR min or max not valid string range item";

    private enum By
    {
        Rank,
        Score,
        Text,
    }

    public static IReadOnlyList<Command> All { get; } =
    [
        new("ZCOUNT", 4, 1, (context, arguments, reply) => Count(By.Score, context, arguments, reply)),
        new("ZLEXCOUNT", 4, 1, (context, arguments, reply) => Count(By.Text, context, arguments, reply)),
        new("ZRANGE", -4, 1, (context, arguments, reply) => Range(By.Rank, false, context, arguments, reply)),
        new("ZRANGEBYSCORE", -4, 1, (context, arguments, reply) => Range(By.Score, false, context, arguments, reply)),
        new("ZRANGEBYLEX", -4, 1, (context, arguments, reply) => Range(By.Text, false, context, arguments, reply)),
        new("ZREVRANGEBYLEX", -4, 1, (context, arguments, reply) => Range(By.Text, true, context, arguments, reply)),
    ];

    private static void Count(By by, CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (ErrorIn(by, arguments[2], arguments[3]) is { } error)
        {
            reply.Fail(error);
        }
        else if (context.Keys.TryFind<SortedSet>(arguments[1], reply, out var set))
        {
            var (from, to) = set is null ? (0, 0) : Ranks(by, set.Order, arguments[2], arguments[3]);
            reply.Integer(Math.Max(0, to - from));
        }
    }

    private static void Range(By by, bool reverse, CommandContext context, Arguments arguments, LuaReply reply)
    {
        var options = new Options { Reverse = reverse };
        if (options.Read(by, arguments) is { } syntax)
        {
            reply.Fail(syntax);
            return;
        }

        var swapped = options.Reverse && by != By.Rank;
        var low = arguments[swapped ? 3 : 2];
        var high = arguments[swapped ? 2 : 3];
        if (ErrorIn(by, low, high) is { } error)
        {
            reply.Fail(error);
            return;
        }

        if (!context.Keys.TryFind<SortedSet>(arguments[1], reply, out var set))
        {
            return;
        }

        reply.OpenList(0);
        if (set is not null)
        {
            var (from, to) = Ranks(by, set.Order, low, high);
            if (by == By.Rank && options.Reverse)
            {
                (from, to) = (set.Order.Count - to, set.Order.Count - from);
            }

            ReplyMembers(set.Order, from, to, options, reply);
        }

        reply.CloseList();
    }

    private static void ReplyMembers(SkipList order, int from, int to, Options options, LuaReply reply)
    {
        // A negative offset skips everything, a negative limit is none.
        var skipped = options.Offset is < 0 or > int.MaxValue ? int.MaxValue : (int)options.Offset;
        var count = (int)Math.Min(Math.Max(0L, (long)to - from - skipped), options.Limit < 0 ? int.MaxValue : options.Limit);
        if (count == 0)
        {
            return;
        }

        var node = order.At(options.Reverse ? to - 1 - skipped : from + skipped);
        for (; count > 0; count--)
        {
            reply.Bulk(node.Member);
            if (options.WithScores)
            {
                reply.Bulk(node.Score);
            }

            node = (options.Reverse ? node.Previous : node.Next)!;
        }
    }

    private static string? ErrorIn(By by, ReadOnlySpan<byte> low, ReadOnlySpan<byte> high) => by switch
    {
        By.Rank => RedisNumber.TryParseInteger(low, out _) && RedisNumber.TryParseInteger(high, out _) ? null : Errors.NotInteger,
        By.Score => ScoreBound.IsValid(low) && ScoreBound.IsValid(high) ? null : BadScores,
        _ => TextBound.IsValid(low) && TextBound.IsValid(high) ? null : BadTexts,
    };

    private static (int From, int To) Ranks(By by, SkipList order, ReadOnlySpan<byte> low, ReadOnlySpan<byte> high)
    {
        switch (by)
        {
            case By.Rank:
                RedisNumber.TryParseInteger(low, out var start);
                RedisNumber.TryParseInteger(high, out var stop);
                start = Math.Max(0, start < 0 ? start + order.Count : start);
                stop = Math.Min(order.Count - 1, stop < 0 ? stop + order.Count : stop);
                return start > stop ? (0, 0) : ((int)start, (int)stop + 1);
            case By.Score:
                return (order.CountIn(new ScoreBound(low, isUpper: false)), order.CountIn(new ScoreBound(high, isUpper: true)));
            default:
                return (order.CountIn(new TextBound(low, isUpper: false)), order.CountIn(new TextBound(high, isUpper: true)));
        }
    }

    private ref struct Options
    {
        public bool Reverse;
        public bool WithScores;
        public long Offset;
        public long Limit = -1;

        public Options()
        {
        }

        public string? Read(By by, Arguments arguments)
        {
            for (var index = 4; index < arguments.Count; index++)
            {
                if (arguments.Is(index, "WITHSCORES"u8))
                {
                    WithScores = true;
                }
                else if (by == By.Rank && arguments.Is(index, "REV"u8))
                {
                    Reverse = true;
                }
                else if (index + 2 < arguments.Count && arguments.Is(index, "LIMIT"u8))
                {
                    if (!RedisNumber.TryParseInteger(arguments[index + 1], out Offset) || !RedisNumber.TryParseInteger(arguments[index + 2], out Limit))
                    {
                        return Errors.NotInteger;
                    }

                    index += 2;
                }
                else
                {
                    return Errors.Syntax;
                }
            }

            return by == By.Rank && Limit != -1 ? "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
                : by == By.Text && WithScores ? "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
                : null;
        }
    }

    /// <summary>What lies before a lower bound, or up to an upper one.</summary>
    private readonly struct ScoreBound : IBound
    {
        private readonly double _bound;
        private readonly bool _withBound;

        public ScoreBound(ReadOnlySpan<byte> text, bool isUpper)
        {
            var isOpen = text is [(byte)'(', ..];
            RedisNumber.TryParseBound(isOpen ? text[1..] : text, out _bound);
            _withBound = isUpper != isOpen;
        }

        public static bool IsValid(ReadOnlySpan<byte> text) => RedisNumber.TryParseBound(text is [(byte)'(', ..] ? text[1..] : text, out _);

        public bool Contains(double score, ReadOnlySpan<byte> member) => score < _bound || (_withBound && score == _bound);
    }

    /// <summary>The same by a member's bytes; only meaningful when all scores are equal.</summary>
    private readonly ref struct TextBound(ReadOnlySpan<byte> text, bool isUpper) : IBound
    {
        private readonly byte _kind = text[0];
        private readonly ReadOnlySpan<byte> _bound = text[1..];

        public static bool IsValid(ReadOnlySpan<byte> text) => text is [(byte)'-' or (byte)'+'] or [(byte)'[' or (byte)'(', ..];

        public bool Contains(double score, ReadOnlySpan<byte> member)
        {
            if (_kind is (byte)'-' or (byte)'+')
            {
                return _kind == (byte)'+';
            }

            var order = member.SequenceCompareTo(_bound);
            return order < 0 || (order == 0 && isUpper == (_kind == (byte)'['));
        }
    }
}
