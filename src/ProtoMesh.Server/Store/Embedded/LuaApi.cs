using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>The few functions of Lua 5.4 that the host needs, called without a copy of any string.</summary>
/// <remarks>
/// The library comes with the package KeraLua, whose own classes would allocate for every string. Functions that neither
/// allocate nor call back skip the transition of the garbage collector, which would cost more than they do.
/// </remarks>
internal static unsafe partial class LuaApi
{
    public const int TypeNil = 0;
    public const int TypeBoolean = 1;
    public const int TypeNumber = 3;
    public const int TypeString = 4;
    public const int TypeTable = 5;
    public const int Registry = -1_000_000 - 1000;
    private const string Library = "lua54";

    public static int UpvalueIndex(int index) => Registry - index;

    [LibraryImport(Library, EntryPoint = "luaL_newstate")]
    public static partial nint NewState();

    [LibraryImport(Library, EntryPoint = "lua_close")]
    public static partial void Close(nint state);

    [LibraryImport(Library, EntryPoint = "luaL_openlibs")]
    public static partial void OpenLibraries(nint state);

    [LibraryImport(Library, EntryPoint = "luaL_loadbufferx")]
    private static partial int LoadBuffer(nint state, byte* text, nint length, byte* name, byte* mode);

    [LibraryImport(Library, EntryPoint = "lua_pcallk")]
    private static partial int ProtectedCall(nint state, int arguments, int results, int handler, nint context, nint continuation);

    [LibraryImport(Library, EntryPoint = "lua_setupvalue")]
    public static partial nint SetUpvalue(nint state, int function, int index);

    [LibraryImport(Library, EntryPoint = "luaL_ref")]
    public static partial int Ref(nint state, int table);

    [LibraryImport(Library, EntryPoint = "lua_checkstack")]
    public static partial int CheckStack(nint state, int count);

    [LibraryImport(Library, EntryPoint = "lua_createtable")]
    public static partial void CreateTable(nint state, int items, int fields);

    [LibraryImport(Library, EntryPoint = "lua_pushcclosure")]
    public static partial void PushClosure(nint state, delegate* unmanaged[Cdecl]<nint, int> function, int upvalues);

    [LibraryImport(Library, EntryPoint = "lua_pushlstring")]
    private static partial nint PushString(nint state, byte* text, nint length);

    [LibraryImport(Library, EntryPoint = "lua_rawseti")]
    public static partial void SetItem(nint state, int table, long index);

    [LibraryImport(Library, EntryPoint = "lua_rawset")]
    public static partial void SetRaw(nint state, int table);

    [LibraryImport(Library, EntryPoint = "lua_tolstring")]
    [SuppressGCTransition]
    private static partial byte* ToString(nint state, int index, nint* length);

    [LibraryImport(Library, EntryPoint = "lua_tonumberx")]
    [SuppressGCTransition]
    private static partial double ToNumber(nint state, int index, int* isNumber);

    [LibraryImport(Library, EntryPoint = "lua_tointegerx")]
    [SuppressGCTransition]
    private static partial long ToInteger(nint state, int index, int* isInteger);

    [LibraryImport(Library, EntryPoint = "lua_isinteger")]
    [SuppressGCTransition]
    public static partial int IsInteger(nint state, int index);

    [LibraryImport(Library, EntryPoint = "lua_toboolean")]
    [SuppressGCTransition]
    public static partial int ToBoolean(nint state, int index);

    [LibraryImport(Library, EntryPoint = "lua_touserdata")]
    [SuppressGCTransition]
    public static partial nint ToUserData(nint state, int index);

    [LibraryImport(Library, EntryPoint = "lua_type")]
    [SuppressGCTransition]
    public static partial int Type(nint state, int index);

    [LibraryImport(Library, EntryPoint = "lua_gettop")]
    [SuppressGCTransition]
    public static partial int GetTop(nint state);

    [LibraryImport(Library, EntryPoint = "lua_settop")]
    [SuppressGCTransition]
    public static partial void SetTop(nint state, int index);

    [LibraryImport(Library, EntryPoint = "lua_copy")]
    [SuppressGCTransition]
    public static partial void Copy(nint state, int from, int to);

    [LibraryImport(Library, EntryPoint = "lua_rawlen")]
    [SuppressGCTransition]
    public static partial ulong RawLength(nint state, int index);

    [LibraryImport(Library, EntryPoint = "lua_rawget")]
    [SuppressGCTransition]
    public static partial int GetRaw(nint state, int table);

    [LibraryImport(Library, EntryPoint = "lua_rawgeti")]
    [SuppressGCTransition]
    public static partial int GetItem(nint state, int table, long index);

    [LibraryImport(Library, EntryPoint = "lua_pushnil")]
    [SuppressGCTransition]
    public static partial void PushNil(nint state);

    [LibraryImport(Library, EntryPoint = "lua_pushboolean")]
    [SuppressGCTransition]
    public static partial void PushBoolean(nint state, int value);

    [LibraryImport(Library, EntryPoint = "lua_pushinteger")]
    [SuppressGCTransition]
    public static partial void PushInteger(nint state, long value);

    [LibraryImport(Library, EntryPoint = "lua_pushlightuserdata")]
    [SuppressGCTransition]
    public static partial void PushUserData(nint state, nint value);

    /// <summary>Compiles a text (never bytecode) and pushes its function, or pushes the error and returns another number than 0.</summary>
    public static int Load(nint state, ReadOnlySpan<byte> text, ReadOnlySpan<byte> nameWithZero)
    {
        fixed (byte* start = text, name = nameWithZero, mode = "t\0"u8)
        {
            return LoadBuffer(state, start, text.Length, name, mode);
        }
    }

    public static int ProtectedCall(nint state, int arguments, int results, int handler) =>
        ProtectedCall(state, arguments, results, handler, 0, 0);

    public static void Push(nint state, ReadOnlySpan<byte> text)
    {
        fixed (byte* start = text)
        {
            PushString(state, start, text.Length);
        }
    }

    /// <summary>The bytes of a string on the stack; good while it stays there. Must not be asked of a number.</summary>
    public static ReadOnlySpan<byte> Text(nint state, int index)
    {
        nint length;
        var start = ToString(state, index, &length);
        return new ReadOnlySpan<byte>(start, (int)length);
    }

    public static double Number(nint state, int index) => ToNumber(state, index, null);

    public static long Integer(nint state, int index) => ToInteger(state, index, null);
}
