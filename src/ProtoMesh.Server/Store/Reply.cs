using System.Globalization;

namespace ProtoMesh.Server.Store;

/// <summary>What a script returned: null, an integer, a string (UTF-8 in the store) or a list of these.</summary>
internal readonly struct Reply(object? value)
{
    private static readonly Reply[] None = [];

    public bool IsNull => value is null;

    public Reply[] Items => value as Reply[] ?? None;

    public Reply this[int index] => Items[index];

    public string Text => value switch
    {
        string text => text,
        long number => number.ToString(CultureInfo.InvariantCulture),
        _ => "",
    };

    /// <summary>An integer, also when the script returned it as text; 0 for an empty text.</summary>
    public long Number => value switch
    {
        long number => number,
        string { Length: > 0 } text => long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
        _ => 0,
    };

    public override string ToString() => value is Reply[] items ? $"[{string.Join(", ", items)}]" : value is null ? "nil" : Text;
}
