namespace ProtoMesh.Server.Policies.Documents;

/// <summary>A part of a YAML document and where it starts, from 1.</summary>
internal abstract record YamlNode(int Line, int Column)
{
    /// <summary>What it is, for a sentence about what it should have been.</summary>
    public abstract string Kind { get; }
}

/// <param name="Text">The value with its quotes and escapes resolved.</param>
/// <param name="Form">How it was written.</param>
/// <param name="Line">Of its first character.</param>
/// <param name="Column">Of its first character.</param>
internal sealed record YamlText(string Text, YamlForm Form, int Line, int Column) : YamlNode(Line, Column)
{
    public override string Kind => "a text";

    /// <summary>Nothing was written, or null was.</summary>
    public bool IsNull => Form == YamlForm.Plain && Text is "" or "~" or "null";
}

internal sealed record YamlList(IReadOnlyList<YamlNode> Items, int Line, int Column) : YamlNode(Line, Column)
{
    public override string Kind => "a list";
}

internal sealed record YamlMap(IReadOnlyList<YamlEntry> Entries, int Line, int Column) : YamlNode(Line, Column)
{
    public override string Kind => "a map";

    public YamlNode? Find(string key) => Entries.FirstOrDefault(entry => entry.Key.Text == key)?.Value;
}

internal sealed record YamlEntry(YamlText Key, YamlNode Value);

/// <summary>How a text was written, which decides where in the file its characters stand.</summary>
internal enum YamlForm
{
    Plain,
    Quoted,
    Literal,
    Folded,
}
