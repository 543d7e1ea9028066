using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>A script failed. The details are for the log.</summary>
internal sealed class LuaFailure(string details) : Exception(details);

/// <summary>Compiles scripts once and runs them on a keyspace. For one thread at a time.</summary>
internal sealed unsafe class LuaHost : IDisposable
{
    /// <summary>
    /// Wraps a script into a function of its keys and arguments, so that its definitions are made once and not in each call:
    /// that is most of what a call would cost. The first line stays the first, for the line numbers of errors.
    /// </summary>
    private const string Prologue = "local redis = ... local KEYS, ARGV ";
    private const string BodyPrologue = "return function(keys, argv) KEYS, ARGV = keys, argv ";
    private const int DeepestReply = 32;

    private readonly CommandContext _context;
    private readonly Dictionary<byte[], int> _scripts = new(ByteComparer.Instance);
    private readonly LuaReply _reply = new();
    private readonly (nint At, Command? Command)[] _named = new (nint, Command?)[64];
    private readonly GCHandle _self;
    private readonly nint _lua;
    private readonly int _environment, _redis, _describe;
    private byte[][] _declared = [];
    private byte[] _scratch = new byte[1024];

    public LuaHost(CommandContext context)
    {
        _context = context;
        _self = GCHandle.Alloc(this);
        _lua = LuaApi.NewState();
        LuaApi.OpenLibraries(_lua);
        Compile(Encoding.UTF8.GetBytes(LuaSandbox.Text));
        LuaApi.PushUserData(_lua, GCHandle.ToIntPtr(_self));
        LuaApi.PushClosure(_lua, &RunCommand, 1);
        if (LuaApi.ProtectedCall(_lua, 1, 3, 0) != 0)
        {
            throw new LuaFailure(TakeText());
        }

        _describe = LuaApi.Ref(_lua, LuaApi.Registry);
        _redis = LuaApi.Ref(_lua, LuaApi.Registry);
        _environment = LuaApi.Ref(_lua, LuaApi.Registry);
    }

    /// <exception cref="LuaFailure">It does not compile.</exception>
    public void Load(string text)
    {
        var sha = Script.Sha(text);
        if (!_scripts.ContainsKey(sha))
        {
            var at = text.IndexOf(Script.BodyMark, StringComparison.Ordinal);
            Compile(Encoding.UTF8.GetBytes(at < 0
                ? $"{Prologue}{BodyPrologue}{text}\nend"
                : $"{Prologue}{text[..at]}{BodyPrologue}{text[at..^Script.BodyEnd.Length]}end {Script.BodyEnd}"));
            LuaApi.GetItem(_lua, LuaApi.Registry, _environment);
            LuaApi.SetUpvalue(_lua, -2, 1);
            LuaApi.GetItem(_lua, LuaApi.Registry, _redis);
            if (LuaApi.ProtectedCall(_lua, 1, 1, 0) != 0)
            {
                throw new LuaFailure(TakeText());
            }

            _scripts.Add(sha, LuaApi.Ref(_lua, LuaApi.Registry));
        }
    }

    public bool Knows(byte[] sha) => _scripts.ContainsKey(sha);

    /// <exception cref="LuaFailure">It raised an error, or returned one.</exception>
    public Reply Run(byte[] sha, byte[][] keys, string[] arguments)
    {
        _declared = keys;
        try
        {
            LuaApi.GetItem(_lua, LuaApi.Registry, _describe);
            LuaApi.GetItem(_lua, LuaApi.Registry, _scripts[sha]);
            PushKeys();
            PushArguments(arguments);
            return LuaApi.ProtectedCall(_lua, 2, 1, 1) == 0 ? TakeReply(0) : throw new LuaFailure(TakeText());
        }
        finally
        {
            LuaApi.SetTop(_lua, 0);
        }
    }

    public void Dispose()
    {
        LuaApi.Close(_lua);
        _self.Free();
    }

    /// <summary>Called by Lua. Nothing may be thrown from here: an error is a second result, which the sandbox raises.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int RunCommand(nint lua)
    {
        string error;
        try
        {
            var host = (LuaHost)GCHandle.FromIntPtr(LuaApi.ToUserData(lua, LuaApi.UpvalueIndex(1))).Target!;
            var reply = host._reply;
            reply.Begin(lua);
            host.RunCommand(lua, LuaApi.GetTop(lua));
            if (reply.Error is null)
            {
                return 1;
            }

            error = reply.Error;
        }
        catch (Exception failure)
        {
            error = $"ERR {failure.GetType().Name}: {failure.Message}";
        }

        LuaApi.SetTop(lua, 0);
        LuaApi.PushNil(lua);
        LuaApi.Push(lua, Encoding.UTF8.GetBytes(error));
        return 2;
    }

    private void RunCommand(nint lua, int count)
    {
        if (count == 0)
        {
            _reply.Fail("ERR Please specify at least one argument for this redis.call() call");
            return;
        }

        if (!TryMakeTexts(lua, count))
        {
            _reply.Fail("ERR Lua redis lib command arguments must be strings or integers");
            return;
        }

        var arguments = new Arguments(lua, count);
        if (Named(arguments[0]) is not { } command)
        {
            _reply.Fail("ERR Unknown Redis command called from script");
        }
        else if (!command.Accepts(count))
        {
            _reply.Fail("ERR Wrong number of args calling Redis command from script");
        }
        else if (UndeclaredKey(command, arguments) is { } key)
        {
            _reply.Fail($"ERR Script attempted to access the key '{key}', which is not in KEYS");
        }
        else
        {
            command.Run(_context, arguments, _reply);
        }
    }

    /// <summary>A script's constants stay where they are, so the same name is soon found by its place; its bytes prove it.</summary>
    private Command? Named(ReadOnlySpan<byte> name)
    {
        var at = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(name));
        ref var known = ref _named[(at >> 4) & (_named.Length - 1)];
        if (known.At != at || known.Command is null || !name.SequenceEqual(known.Command.Word))
        {
            known = (at, Command.Named(name));
        }

        return known.Command;
    }

    /// <summary>Numbers become the texts that Redis makes of them; anything but texts and numbers is refused.</summary>
    private static bool TryMakeTexts(nint lua, int count)
    {
        Span<byte> text = stackalloc byte[RedisNumber.MaxLength];
        for (var index = 1; index <= count; index++)
        {
            var type = LuaApi.Type(lua, index);
            if (type == LuaApi.TypeNumber)
            {
                LuaApi.Push(lua, text[..RedisNumber.Format(LuaApi.Number(lua, index), text)]);
                LuaApi.Copy(lua, -1, index);
                LuaApi.SetTop(lua, count);
            }
            else if (type != LuaApi.TypeString)
            {
                return false;
            }
        }

        return true;
    }

    private string? UndeclaredKey(Command command, Arguments arguments)
    {
        var last = command.LastKey < 0 ? arguments.Count - 1 : command.LastKey;
        for (var index = 1; index <= last; index++)
        {
            if (!IsDeclared(arguments[index]))
            {
                return Encoding.UTF8.GetString(arguments[index]);
            }
        }

        return null;
    }

    private bool IsDeclared(ReadOnlySpan<byte> key)
    {
        foreach (var declared in _declared)
        {
            if (key.SequenceEqual(declared))
            {
                return true;
            }
        }

        return false;
    }

    private void Compile(byte[] text)
    {
        if (LuaApi.Load(_lua, text, "@script\0"u8) != 0)
        {
            throw new LuaFailure(TakeText());
        }
    }

    private void PushKeys()
    {
        LuaApi.CreateTable(_lua, _declared.Length, 0);
        for (var index = 0; index < _declared.Length; index++)
        {
            LuaApi.Push(_lua, _declared[index]);
            LuaApi.SetItem(_lua, -2, index + 1);
        }
    }

    private void PushArguments(string[] arguments)
    {
        LuaApi.CreateTable(_lua, arguments.Length, 0);
        for (var index = 0; index < arguments.Length; index++)
        {
            var most = Encoding.UTF8.GetMaxByteCount(arguments[index].Length);
            if (_scratch.Length < most)
            {
                _scratch = new byte[most];
            }

            LuaApi.Push(_lua, _scratch.AsSpan(0, Encoding.UTF8.GetBytes(arguments[index], _scratch)));
            LuaApi.SetItem(_lua, -2, index + 1);
        }
    }

    /// <summary>Converts the value on top of the stack as Redis does, and takes it away.</summary>
    private Reply TakeReply(int depth)
    {
        object? value = LuaApi.Type(_lua, -1) switch
        {
            LuaApi.TypeString => Encoding.UTF8.GetString(LuaApi.Text(_lua, -1)),
            LuaApi.TypeNumber when LuaApi.IsInteger(_lua, -1) != 0 => LuaApi.Integer(_lua, -1),
            LuaApi.TypeNumber => (long)LuaApi.Number(_lua, -1),
            LuaApi.TypeBoolean => LuaApi.ToBoolean(_lua, -1) != 0 ? 1L : null,
            LuaApi.TypeTable => TakeTable(depth),
            _ => null,
        };
        LuaApi.SetTop(_lua, -2);
        return new Reply(value);
    }

    private object? TakeTable(int depth)
    {
        if (depth == DeepestReply || LuaApi.CheckStack(_lua, 4) == 0)
        {
            throw new LuaFailure("The script's reply is nested too deeply.");
        }

        if (Field("err"u8) is { } error)
        {
            throw new LuaFailure(error);
        }

        if (Field("ok"u8) is { } status)
        {
            return status;
        }

        var items = new List<Reply>((int)LuaApi.RawLength(_lua, -1));
        while (LuaApi.GetItem(_lua, -1, items.Count + 1) != LuaApi.TypeNil)
        {
            items.Add(TakeReply(depth + 1));
        }

        LuaApi.SetTop(_lua, -2);
        return items.ToArray();
    }

    private string? Field(ReadOnlySpan<byte> name)
    {
        LuaApi.Push(_lua, name);
        var text = LuaApi.GetRaw(_lua, -2) == LuaApi.TypeString ? Encoding.UTF8.GetString(LuaApi.Text(_lua, -1)) : null;
        LuaApi.SetTop(_lua, -2);
        return text;
    }

    private string TakeText()
    {
        var text = LuaApi.Type(_lua, -1) == LuaApi.TypeString ? Encoding.UTF8.GetString(LuaApi.Text(_lua, -1)) : "unknown error";
        LuaApi.SetTop(_lua, -2);
        return text;
    }
}
