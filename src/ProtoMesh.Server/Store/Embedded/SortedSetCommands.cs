namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Commands on sorted sets, but for the ranges.</summary>
internal static class SortedSetCommands
{
    [Flags]
    private enum AddOptions
    {
        None = 0,
        OnlyNew = 1,
        OnlyExisting = 2,
        OnlyGreater = 4,
        OnlyLess = 8,
        CountChanged = 16,
    }

    public static IReadOnlyList<Command> All { get; } =
    [
        new("ZADD", -4, 1, Add),
        new("ZREM", -3, 1, Remove),
        new("ZSCORE", 3, 1, Score),
        new("ZMSCORE", -3, 1, Scores),
        new("ZCARD", 2, 1, Count),
        new("ZRANK", 3, 1, Rank),
        .. RangeCommands.All,
    ];

    private static void Add(CommandContext context, Arguments arguments, LuaReply reply)
    {
        var first = 2;
        var options = AddOptions.None;
        for (; first < arguments.Count && OptionOf(arguments, first) is var option and not AddOptions.None; first++)
        {
            options |= option;
        }

        if (ErrorIn(arguments, first, options) is { } error)
        {
            reply.Fail(error);
            return;
        }

        if (!context.Keys.TryFind<SortedSet>(arguments[1], reply, out var set))
        {
            return;
        }

        if (set is null)
        {
            if (options.HasFlag(AddOptions.OnlyExisting))
            {
                reply.Integer(0);
                return;
            }

            set = context.Keys.Open<SortedSet>(arguments[1]);
        }

        int added = 0, moved = 0;
        for (var index = first; index < arguments.Count; index += 2)
        {
            RedisNumber.TryParseScore(arguments[index], out var score);
            var before = set.Find(arguments[index + 1]);
            if (Applies(options, before?.Score, score))
            {
                // Adding zero turns -0, which Redis does not keep in its small sets, into 0.
                context.Keys.SetMember(set, before, arguments[index + 1], score + 0.0);
                added += before is null ? 1 : 0;
                moved += before is null ? 0 : 1;
            }
        }

        reply.Integer(options.HasFlag(AddOptions.CountChanged) ? added + moved : added);
    }

    private static AddOptions OptionOf(Arguments arguments, int index) =>
        arguments.Is(index, "NX"u8) ? AddOptions.OnlyNew
        : arguments.Is(index, "XX"u8) ? AddOptions.OnlyExisting
        : arguments.Is(index, "GT"u8) ? AddOptions.OnlyGreater
        : arguments.Is(index, "LT"u8) ? AddOptions.OnlyLess
        : arguments.Is(index, "CH"u8) ? AddOptions.CountChanged
        : AddOptions.None;

    private static string? ErrorIn(Arguments arguments, int first, AddOptions options)
    {
        if (first == arguments.Count || (arguments.Count - first) % 2 != 0)
        {
            return Errors.Syntax;
        }

        if (options.HasFlag(AddOptions.OnlyNew | AddOptions.OnlyExisting))
        {
            return "ERR XX and NX options at the same time are not compatible";
        }

        var exclusive = options & (AddOptions.OnlyNew | AddOptions.OnlyGreater | AddOptions.OnlyLess);
        if (exclusive is not (AddOptions.None or AddOptions.OnlyNew or AddOptions.OnlyGreater or AddOptions.OnlyLess))
        {
            return "ERR GT, LT, and/or NX options at the same time are not compatible";
        }

        // All scores are read before the first is used: a command that fails changes nothing.
        for (var index = first; index < arguments.Count; index += 2)
        {
            if (!RedisNumber.TryParseScore(arguments[index], out _))
            {
                return Errors.NotFloat;
            }
        }

        return null;
    }

    private static bool Applies(AddOptions options, double? before, double score) => before is { } old
        ? !options.HasFlag(AddOptions.OnlyNew)
            && score != old
            && !(options.HasFlag(AddOptions.OnlyGreater) && score < old)
            && !(options.HasFlag(AddOptions.OnlyLess) && score > old)
        : !options.HasFlag(AddOptions.OnlyExisting);

    private static void Remove(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (!context.Keys.TryFind<SortedSet>(arguments[1], reply, out var set))
        {
            return;
        }

        var removed = 0;
        for (var index = 2; set is not null && index < arguments.Count; index++)
        {
            removed += context.Keys.RemoveMember(set, arguments[index]) ? 1 : 0;
        }

        reply.Integer(removed);
    }

    private static void Score(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (context.Keys.TryFind<SortedSet>(arguments[1], reply, out var set))
        {
            ReplyScore(set, arguments[2], reply);
        }
    }

    private static void Scores(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (!context.Keys.TryFind<SortedSet>(arguments[1], reply, out var set))
        {
            return;
        }

        reply.OpenList(arguments.Count - 2);
        for (var index = 2; index < arguments.Count; index++)
        {
            ReplyScore(set, arguments[index], reply);
        }

        reply.CloseList();
    }

    private static void Count(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (context.Keys.TryFind<SortedSet>(arguments[1], reply, out var set))
        {
            reply.Integer(set?.Order.Count ?? 0);
        }
    }

    private static void Rank(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (!context.Keys.TryFind<SortedSet>(arguments[1], reply, out var set))
        {
            return;
        }

        if (set?.Find(arguments[2]) is { } node)
        {
            reply.Integer(set.Order.RankOf(node));
        }
        else
        {
            reply.Null();
        }
    }

    private static void ReplyScore(SortedSet? set, ReadOnlySpan<byte> member, LuaReply reply)
    {
        if (set?.Find(member) is { } node)
        {
            reply.Bulk(node.Score);
        }
        else
        {
            reply.Null();
        }
    }
}
