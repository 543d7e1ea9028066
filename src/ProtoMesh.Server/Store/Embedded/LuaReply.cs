using System.Text;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Takes the reply of one command and builds it on Lua's stack, converted as Redis converts replies.</summary>
internal sealed class LuaReply
{
    private readonly int[] _items = new int[8];
    private nint _lua;
    private int _depth;

    /// <summary>Set when the command failed; whatever it had replied before does not count.</summary>
    public string? Error { get; private set; }

    public void Begin(nint lua) => (_lua, _depth, Error) = (lua, 0, null);

    public void Fail(string error) => Error = error;

    public void Integer(long number)
    {
        LuaApi.PushInteger(_lua, number);
        Place();
    }

    public void Bulk(ReadOnlySpan<byte> text)
    {
        LuaApi.Push(_lua, text);
        Place();
    }

    public void Bulk(byte[]? text)
    {
        if (text is null)
        {
            Null();
        }
        else
        {
            Bulk(text.AsSpan());
        }
    }

    public void Bulk(double number)
    {
        Span<byte> text = stackalloc byte[RedisNumber.MaxLength];
        Bulk(text[..RedisNumber.Format(number, text)]);
    }

    public void Bulk(StreamId id)
    {
        Span<byte> text = stackalloc byte[48];
        Bulk(text[..id.Format(text)]);
    }

    /// <summary>A null is <c>false</c> in Lua, so that a list keeps its length.</summary>
    public void Null()
    {
        LuaApi.PushBoolean(_lua, 0);
        Place();
    }

    public void Status(string word)
    {
        LuaApi.CreateTable(_lua, 0, 1);
        LuaApi.Push(_lua, "ok"u8);
        LuaApi.Push(_lua, Encoding.UTF8.GetBytes(word));
        LuaApi.SetRaw(_lua, -3);
        Place();
    }

    public void OpenList(int expected)
    {
        LuaApi.CreateTable(_lua, expected, 0);
        _items[_depth++] = 0;
    }

    public void CloseList()
    {
        _depth--;
        Place();
    }

    private void Place()
    {
        if (_depth > 0)
        {
            LuaApi.SetItem(_lua, -2, ++_items[_depth - 1]);
        }
    }
}
