using System.Text;

namespace ProtoMesh.Server.Cel.Syntax;

/// <summary>Writes a tree as an expression on one line, with no more parentheses than it needs.</summary>
internal static class CelPrinter
{
    private const int Conditional = 0;
    private const int Or = 1;
    private const int And = 2;
    private const int Relation = 3;
    private const int Addition = 4;
    private const int Multiplication = 5;
    private const int Unary = 6;
    private const int Member = 7;

    public static string Print(CelSyntax syntax)
    {
        var text = new StringBuilder();
        Write(text, syntax, Conditional);
        return text.ToString();
    }

    /// <summary>As an operand of a relation: <c>a &lt;= </c><i>here</i>.</summary>
    public static string PrintOperand(CelSyntax syntax)
    {
        var text = new StringBuilder();
        Write(text, syntax, Addition);
        return text.ToString();
    }

    /// <summary>With what <c>!</c> needs around it.</summary>
    public static string PrintNegated(CelSyntax syntax)
    {
        var text = new StringBuilder("!");
        Write(text, syntax, Unary);
        return text.ToString();
    }

    private static void Write(StringBuilder text, CelSyntax syntax, int weakest)
    {
        var strength = Strength(syntax);
        text.Append(strength < weakest ? "(" : "");
        switch (syntax)
        {
            case LiteralSyntax literal:
                var written = literal.Value.ToLiteral();
                text.Append(written).Append(literal.Value.Kind == CelKind.Double && !written.AsSpan().ContainsAnyExcept("-0123456789") ? ".0" : "");
                break;
            case NameSyntax name:
                text.Append(name.IsRoot ? "." : "").Append(name.Name);
                break;
            case SelectSyntax select:
                Write(text, select.Operand, Member);
                text.Append('.').Append(select.Field.All(static each => char.IsAsciiLetterOrDigit(each) || each == '_') ? select.Field : $"`{select.Field}`");
                break;
            case HasSyntax has:
                text.Append("has(");
                Write(text, has.Select, Conditional);
                text.Append(')');
                break;
            case IndexSyntax index:
                Write(text, index.Operand, Member);
                text.Append('[');
                Write(text, index.Index, Conditional);
                text.Append(']');
                break;
            case CallSyntax call:
                WriteTarget(text, call.Target);
                text.Append(call.Function);
                WriteAll(text, '(', call.Arguments, ')');
                break;
            case NotSyntax not:
                text.Append('!');
                Write(text, not.Operand, Unary);
                break;
            case NegateSyntax negate:
                text.Append('-');
                Write(text, negate.Operand, Unary);
                break;
            case BinarySyntax binary:
                Write(text, binary.Left, strength);
                text.Append(' ').Append(binary.Operator).Append(' ');
                Write(text, binary.Right, strength + 1);
                break;
            case LogicSyntax logic:
                for (var i = 0; i < logic.Operands.Length; i++)
                {
                    text.Append(i == 0 ? "" : logic.IsAnd ? " && " : " || ");
                    Write(text, logic.Operands[i], strength + 1);
                }

                break;
            case ConditionalSyntax conditional:
                Write(text, conditional.Condition, Or);
                text.Append(" ? ");
                Write(text, conditional.Then, Or);
                text.Append(" : ");
                Write(text, conditional.Else, Conditional);
                break;
            case ListSyntax list:
                WriteAll(text, '[', list.Elements, ']');
                break;
            case MapSyntax map:
                text.Append('{');
                for (var i = 0; i < map.Keys.Length; i++)
                {
                    text.Append(i == 0 ? "" : ", ");
                    Write(text, map.Keys[i], Conditional);
                    text.Append(": ");
                    Write(text, map.Values[i], Conditional);
                }

                text.Append('}');
                break;
            case ComprehensionSyntax comprehension:
                WriteTarget(text, comprehension.Range);
                text.Append(comprehension.Macro == CelMacro.ExistsOne ? "exists_one" : comprehension.Macro.ToString().ToLowerInvariant());
                CelSyntax variable = new NameSyntax(comprehension.Position, comprehension.Variable, false);
                WriteAll(text, '(', comprehension.Condition is { } condition ? [variable, condition, comprehension.Body] : [variable, comprehension.Body], ')');
                break;
        }

        text.Append(strength < weakest ? ")" : "");
    }

    private static void WriteTarget(StringBuilder text, CelSyntax? target)
    {
        if (target is not null)
        {
            Write(text, target, Member);
            text.Append('.');
        }
    }

    private static void WriteAll(StringBuilder text, char open, CelSyntax[] parts, char close)
    {
        text.Append(open);
        for (var i = 0; i < parts.Length; i++)
        {
            text.Append(i == 0 ? "" : ", ");
            Write(text, parts[i], Conditional);
        }

        text.Append(close);
    }

    private static int Strength(CelSyntax syntax) => syntax switch
    {
        ConditionalSyntax => Conditional,
        LogicSyntax logic => logic.IsAnd ? And : Or,
        BinarySyntax binary => binary.Operator switch
        {
            "+" or "-" => Addition,
            "*" or "/" or "%" => Multiplication,
            _ => Relation,
        },
        NotSyntax or NegateSyntax => Unary,
        LiteralSyntax { Value: { Kind: CelKind.Int, AsInt: < 0 } or { Kind: CelKind.Double, AsDouble: < 0 } } => Unary,
        _ => Member,
    };
}
