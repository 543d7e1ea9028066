using System.Text;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Commands on keys of any type, and those on none.</summary>
internal static class KeyCommands
{
    public static IReadOnlyList<Command> All { get; } =
    [
        new("DEL", -2, -1, Delete),
        new("EXISTS", -2, -1, Exists),
        new("TYPE", 2, 1, Type),
        new("PUBLISH", 3, 0, Publish),
        new("TIME", 1, 0, Time),
    ];

    private static void Delete(CommandContext context, Arguments arguments, LuaReply reply)
    {
        var deleted = 0;
        for (var index = 1; index < arguments.Count; index++)
        {
            deleted += context.Keys.Delete(arguments[index]) ? 1 : 0;
        }

        reply.Integer(deleted);
    }

    private static void Exists(CommandContext context, Arguments arguments, LuaReply reply)
    {
        var found = 0;
        for (var index = 1; index < arguments.Count; index++)
        {
            found += context.Keys.Find(arguments[index]) is null ? 0 : 1;
        }

        reply.Integer(found);
    }

    private static void Type(CommandContext context, Arguments arguments, LuaReply reply) =>
        reply.Status(context.Keys.Find(arguments[1])?.TypeName ?? "none");

    private static void Publish(CommandContext context, Arguments arguments, LuaReply reply) =>
        reply.Integer(context.Messages.Add(Encoding.UTF8.GetString(arguments[1]), Encoding.UTF8.GetString(arguments[2])));

    private static void Time(CommandContext context, Arguments arguments, LuaReply reply)
    {
        var microseconds = (context.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        reply.OpenList(2);
        reply.Bulk((double)(microseconds / 1_000_000));
        reply.Bulk((double)(microseconds % 1_000_000));
        reply.CloseList();
    }
}
