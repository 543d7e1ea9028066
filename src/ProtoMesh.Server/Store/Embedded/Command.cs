using System.Text;

namespace ProtoMesh.Server.Store.Embedded;

internal delegate void CommandHandler(CommandContext context, Arguments arguments, LuaReply reply);

/// <summary>What a command works on.</summary>
internal sealed record CommandContext(Keyspace Keys, TimeProvider Time, Messages Messages);

/// <summary>A Redis command.</summary>
/// <param name="Arity">How many arguments it takes with its name; negative: at least so many.</param>
/// <param name="LastKey">Keys are the arguments 1 to this one; 0: no keys, -1: all arguments.</param>
internal sealed record Command(string Name, int Arity, int LastKey, CommandHandler Run)
{
    private const int LongestName = 32;

    private static readonly Dictionary<byte[], Command> All =
        new[] { KeyCommands.All, HashCommands.All, SortedSetCommands.All, StreamCommands.All }
            .SelectMany(commands => commands)
            .ToDictionary(command => command.Word, command => command, ByteComparer.Instance);

    private static readonly Dictionary<byte[], Command>.AlternateLookup<ReadOnlySpan<byte>> BySpan = All.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>The name as scripts usually write it.</summary>
    public byte[] Word { get; } = Encoding.ASCII.GetBytes(Name);

    public bool Accepts(int count) => Arity < 0 ? count >= -Arity : count == Arity;

    public static Command? Named(ReadOnlySpan<byte> name)
    {
        Span<byte> upper = stackalloc byte[LongestName];
        return Ascii.ToUpper(name, upper, out var length) == System.Buffers.OperationStatus.Done && BySpan.TryGetValue(upper[..length], out var command)
            ? command
            : null;
    }
}

/// <summary>The errors that several commands share, word for word as in Redis 7.0.</summary>
internal static class Errors
{
    public const string WrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
    public const string Syntax = "ERR syntax error";
    public const string NotInteger = "ERR value is not an integer or out of range";
    public const string NotFloat = "ERR value is not a valid float";

    public static string WrongCount(string command) => $"ERR wrong number of arguments for '{command}' command";

    /// <summary>Finds the value of a key: null when there is none. False, and an error replied, when it is of another type.</summary>
    public static bool TryFind<T>(this Keyspace keys, ReadOnlySpan<byte> key, LuaReply reply, out T? value)
        where T : Value
    {
        var found = keys.Find(key);
        value = found as T;
        if (found is not null && value is null)
        {
            reply.Fail(WrongType);
            return false;
        }

        return true;
    }
}
