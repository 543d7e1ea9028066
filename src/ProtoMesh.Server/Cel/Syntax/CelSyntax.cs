namespace ProtoMesh.Server.Cel.Syntax;

/// <summary>What was written, as a tree.</summary>
/// <param name="Position">Where an error of this part is reported: an operator's or a function's own place.</param>
/// <param name="Height">Levels from here down to the leaves, so that neither a check nor an evaluation can run out of stack.</param>
internal abstract record CelSyntax(CelPosition Position, int Height)
{
    public static int Above(params ReadOnlySpan<CelSyntax> parts)
    {
        var height = 0;
        foreach (var part in parts)
        {
            height = Math.Max(height, part.Height);
        }

        return height + 1;
    }

    public sealed override string ToString() => CelPrinter.Print(this);
}

internal sealed record LiteralSyntax(CelPosition Position, CelValue Value) : CelSyntax(Position, 1);

/// <param name="IsRoot">Written with a leading dot: never a variable of a comprehension.</param>
internal sealed record NameSyntax(CelPosition Position, string Name, bool IsRoot) : CelSyntax(Position, 1);

internal sealed record SelectSyntax(CelPosition Position, CelSyntax Operand, string Field) : CelSyntax(Position, Above(Operand));

internal sealed record HasSyntax(CelPosition Position, SelectSyntax Select) : CelSyntax(Position, Above(Select));

internal sealed record IndexSyntax(CelPosition Position, CelSyntax Operand, CelSyntax Index) : CelSyntax(Position, Above(Operand, Index));

internal sealed record CallSyntax(CelPosition Position, CelSyntax? Target, string Function, CelSyntax[] Arguments)
    : CelSyntax(Position, Math.Max(Above(Arguments), (Target?.Height ?? 0) + 1));

internal sealed record NotSyntax(CelPosition Position, CelSyntax Operand) : CelSyntax(Position, Above(Operand));

internal sealed record NegateSyntax(CelPosition Position, CelSyntax Operand) : CelSyntax(Position, Above(Operand));

internal sealed record BinarySyntax(CelPosition Position, string Operator, CelSyntax Left, CelSyntax Right) : CelSyntax(Position, Above(Left, Right));

/// <summary>A chain of <c>&amp;&amp;</c> or of <c>||</c>, however long, is one level.</summary>
internal sealed record LogicSyntax(CelPosition Position, bool IsAnd, CelSyntax[] Operands) : CelSyntax(Position, Above(Operands));

internal sealed record ConditionalSyntax(CelPosition Position, CelSyntax Condition, CelSyntax Then, CelSyntax Else)
    : CelSyntax(Position, Above(Condition, Then, Else));

internal sealed record ListSyntax(CelPosition Position, CelSyntax[] Elements) : CelSyntax(Position, Above(Elements));

internal sealed record MapSyntax(CelPosition Position, CelSyntax[] Keys, CelSyntax[] Values) : CelSyntax(Position, Math.Max(Above(Keys), Above(Values)));

internal enum CelMacro
{
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

/// <param name="Body">The condition; of <c>map</c> what becomes of an element.</param>
/// <param name="Condition">Of <c>map</c> with three arguments: which elements are taken.</param>
internal sealed record ComprehensionSyntax(CelPosition Position, CelMacro Macro, CelSyntax Range, string Variable, CelSyntax? Condition, CelSyntax Body)
    : CelSyntax(Position, Condition is null ? Above(Range, Body) : Above(Range, Condition, Body));
