namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Commands on hashes.</summary>
internal static class HashCommands
{
    public static IReadOnlyList<Command> All { get; } =
    [
        new("HGET", 3, 1, Get),
        new("HMGET", -3, 1, GetMany),
        new("HSET", -4, 1, Set),
        new("HDEL", -3, 1, Delete),
        new("HEXISTS", 3, 1, Exists),
        new("HLEN", 2, 1, Length),
    ];

    private static void Get(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (context.Keys.TryFind<Hash>(arguments[1], reply, out var hash))
        {
            reply.Bulk(hash?[arguments[2]]);
        }
    }

    private static void GetMany(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (!context.Keys.TryFind<Hash>(arguments[1], reply, out var hash))
        {
            return;
        }

        reply.OpenList(arguments.Count - 2);
        for (var index = 2; index < arguments.Count; index++)
        {
            reply.Bulk(hash?[arguments[index]]);
        }

        reply.CloseList();
    }

    private static void Set(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (arguments.Count % 2 != 0)
        {
            reply.Fail(Errors.WrongCount("hset"));
            return;
        }

        if (!context.Keys.TryFind<Hash>(arguments[1], reply, out var hash))
        {
            return;
        }

        hash ??= context.Keys.Open<Hash>(arguments[1]);
        var added = 0;
        for (var index = 2; index < arguments.Count; index += 2)
        {
            added += context.Keys.SetField(hash, arguments[index], arguments[index + 1]) ? 1 : 0;
        }

        reply.Integer(added);
    }

    private static void Delete(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (!context.Keys.TryFind<Hash>(arguments[1], reply, out var hash))
        {
            return;
        }

        var removed = 0;
        for (var index = 2; hash is not null && index < arguments.Count; index++)
        {
            removed += context.Keys.RemoveField(hash, arguments[index]) ? 1 : 0;
        }

        reply.Integer(removed);
    }

    private static void Exists(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (context.Keys.TryFind<Hash>(arguments[1], reply, out var hash))
        {
            reply.Integer(hash?[arguments[2]] is null ? 0 : 1);
        }
    }

    private static void Length(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (context.Keys.TryFind<Hash>(arguments[1], reply, out var hash))
        {
            reply.Integer(hash?.Count ?? 0);
        }
    }
}
