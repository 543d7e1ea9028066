namespace ProtoMesh.Server.Store.Embedded;

/// <summary>A command and its arguments, read where they lie on Lua's stack; [0] is the command's name.</summary>
internal readonly ref struct Arguments(nint lua, int count)
{
    public int Count => count;

    public ReadOnlySpan<byte> this[int index] => LuaApi.Text(lua, index + 1);

    public bool Is(int index, ReadOnlySpan<byte> word) => System.Text.Ascii.EqualsIgnoreCase(this[index], word);
}
