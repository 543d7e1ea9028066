namespace ProtoMesh.Server.Cel.Syntax;

internal enum CelTokenKind
{
    End,
    Name,
    QuotedName,
    Literal,
    /// <summary>A whole number too large for an int; only a minus sign before it can make one of it.</summary>
    IntBeyondRange,
    Symbol,
}

/// <param name="Text">The name or the symbol; for anything else what was written.</param>
internal readonly record struct CelToken(CelTokenKind Kind, CelPosition Position, string Text, CelValue Value)
{
    public bool Is(string symbol) => Kind == CelTokenKind.Symbol && Text == symbol;

    /// <summary>How a sentence calls it.</summary>
    public override string ToString() => Kind == CelTokenKind.End ? "the end of the expression" : $"'{Text}'";
}
