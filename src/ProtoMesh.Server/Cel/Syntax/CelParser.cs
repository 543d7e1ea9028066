using System.Collections.Frozen;

namespace ProtoMesh.Server.Cel.Syntax;

/// <summary>Reads an expression into its tree; what is refused here is refused with its place.</summary>
internal sealed class CelParser
{
    public const int MaxCodePoints = 4_096;
    public const int MaxHeight = 64;

    private static readonly FrozenSet<string> Reserved = new[]
    {
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return",
        "var", "void", "while",
    }.ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Keywords = new[] { "true", "false", "null", "in" }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Operators from the weakest binding to the strongest; <c>?:</c>, <c>||</c> and <c>&amp;&amp;</c> bind weaker still.</summary>
    private static readonly string[][] Levels = [["==", "!=", "<", "<=", ">", ">=", "in"], ["+", "-"], ["*", "/", "%"]];

    private readonly CelLexer _lexer;
    private CelToken _token;
    private int _depth;

    private CelParser(string source)
    {
        _lexer = new CelLexer(source);
        _token = _lexer.Next();
    }

    /// <exception cref="CelIssueException">The text is no expression, or one beyond the limits.</exception>
    public static CelSyntax Parse(string source)
    {
        if (source.Length > MaxCodePoints && source.EnumerateRunes().Count() > MaxCodePoints)
        {
            throw new CelIssueException(new CelPosition(1, 1), $"the expression is longer than {MaxCodePoints} characters");
        }

        var parser = new CelParser(source);
        var syntax = parser.ReadExpression();
        return parser._token.Kind == CelTokenKind.End ? syntax : throw parser.Unexpected("an operator or the end");
    }

    private CelSyntax ReadExpression()
    {
        Enter();
        var condition = ReadLogic(isAnd: false);
        if (_token.Is("?"))
        {
            var position = Take().Position;
            var then = ReadLogic(isAnd: false);
            Expect(":");
            condition = Checked(new ConditionalSyntax(position, condition, then, ReadExpression()));
        }

        _depth--;
        return condition;
    }

    private CelSyntax ReadLogic(bool isAnd)
    {
        var first = isAnd ? ReadBinary(0) : ReadLogic(isAnd: true);
        var symbol = isAnd ? "&&" : "||";
        if (!_token.Is(symbol))
        {
            return first;
        }

        var position = _token.Position;
        var operands = new List<CelSyntax> { first };
        while (_token.Is(symbol))
        {
            Take();
            operands.Add(isAnd ? ReadBinary(0) : ReadLogic(isAnd: true));
        }

        return Checked(new LogicSyntax(position, isAnd, [.. operands]));
    }

    private CelSyntax ReadBinary(int level)
    {
        if (level == Levels.Length)
        {
            return ReadUnary();
        }

        var left = ReadBinary(level + 1);
        while (IsOperator(level))
        {
            var token = Take();
            left = Checked(new BinarySyntax(token.Position, token.Text, left, ReadBinary(level + 1)));
        }

        return left;
    }

    private bool IsOperator(int level) =>
        (_token.Kind == CelTokenKind.Symbol || (_token.Kind == CelTokenKind.Name && _token.Text == "in")) && Levels[level].AsSpan().Contains(_token.Text);

    private CelSyntax ReadUnary()
    {
        if (_token.Is("!"))
        {
            Enter();
            var position = Take().Position;
            var not = Checked(new NotSyntax(position, ReadUnary()));
            _depth--;
            return not;
        }

        if (!_token.Is("-"))
        {
            return ReadMember(ReadPrimary());
        }

        Enter();
        var minus = Take();
        var negated = _token.Kind switch
        {
            CelTokenKind.IntBeyondRange => ReadMember(new LiteralSyntax(minus.Position, Number(long.MinValue))),
            CelTokenKind.Literal when _token.Value.Kind == CelKind.Int => ReadMember(new LiteralSyntax(minus.Position, Number(-_token.Value.AsInt))),
            CelTokenKind.Literal when _token.Value.Kind == CelKind.Double => ReadMember(new LiteralSyntax(minus.Position, Negated(_token.Value))),
            _ => Checked(new NegateSyntax(minus.Position, ReadUnary())),
        };
        _depth--;
        return negated;
    }

    private CelValue Number(long value)
    {
        Take();
        return CelValue.Of(value);
    }

    private CelValue Negated(CelValue value)
    {
        Take();
        return CelValue.Of(-value.AsDouble);
    }

    private CelSyntax ReadMember(CelSyntax operand)
    {
        while (true)
        {
            if (_token.Is("."))
            {
                Take();
                operand = ReadSelected(operand);
            }
            else if (_token.Is("["))
            {
                var position = Take().Position;
                var index = ReadExpression();
                Expect("]");
                operand = Checked(new IndexSyntax(position, operand, index));
            }
            else
            {
                return operand;
            }
        }
    }

    private CelSyntax ReadSelected(CelSyntax operand)
    {
        var name = _token;
        if (name.Kind is not (CelTokenKind.Name or CelTokenKind.QuotedName) || (name.Kind == CelTokenKind.Name && Keywords.Contains(name.Text)))
        {
            throw Unexpected("the name of a field or function");
        }

        Take();
        if (name.Kind == CelTokenKind.QuotedName || !_token.Is("("))
        {
            return Checked(new SelectSyntax(name.Position, operand, name.Text));
        }

        Take();
        var arguments = ReadList(")");
        return Checked(CelMacros.Expand(name.Position, operand, name.Text, arguments) ?? new CallSyntax(name.Position, operand, name.Text, arguments));
    }

    private CelSyntax ReadPrimary()
    {
        var token = _token;
        switch (token.Kind)
        {
            case CelTokenKind.Literal:
                Take();
                return new LiteralSyntax(token.Position, token.Value);
            case CelTokenKind.IntBeyondRange:
                throw new CelIssueException(token.Position, $"the number {token.Text} is out of range");
            case CelTokenKind.Name:
                Take();
                return ReadNamed(token, isRoot: false);
            case CelTokenKind.Symbol when token.Text == ".":
                Take();
                var name = _token.Kind == CelTokenKind.Name ? Take() : throw Unexpected("a name");
                return ReadNamed(name, isRoot: true);
            case CelTokenKind.Symbol when token.Text == "(":
                Take();
                var inner = ReadExpression();
                Expect(")");
                return inner;
            case CelTokenKind.Symbol when token.Text == "[":
                Take();
                return Checked(new ListSyntax(token.Position, ReadList("]")));
            case CelTokenKind.Symbol when token.Text == "{":
                Take();
                return ReadMap(token.Position);
            default:
                throw Unexpected("a value");
        }
    }

    private CelSyntax ReadNamed(CelToken name, bool isRoot)
    {
        if (!isRoot && name.Text is "true" or "false" or "null")
        {
            return new LiteralSyntax(name.Position, name.Text == "null" ? CelValue.Null : CelValue.Of(name.Text == "true"));
        }

        if (Reserved.Contains(name.Text) || Keywords.Contains(name.Text))
        {
            throw new CelIssueException(name.Position, $"'{name.Text}' is a reserved word");
        }

        if (_token.Is("{"))
        {
            throw new CelIssueException(_token.Position, "messages are no part of this profile; a map is written {'key': value}");
        }

        if (!_token.Is("("))
        {
            return new NameSyntax(name.Position, name.Text, isRoot);
        }

        Take();
        var arguments = ReadList(")");
        return Checked(name.Text == "has" ? CelMacros.Has(name.Position, arguments) : new CallSyntax(name.Position, null, name.Text, arguments));
    }

    /// <summary>Expressions between commas up to the closing bracket; a list may end in a comma, arguments may not.</summary>
    private CelSyntax[] ReadList(string end)
    {
        var elements = new List<CelSyntax>();
        while (!_token.Is(end))
        {
            elements.Add(ReadExpression());
            if (!_token.Is(","))
            {
                break;
            }

            Take();
            if (end == ")" && _token.Is(end))
            {
                throw Unexpected("an argument");
            }
        }

        Expect(end);
        return [.. elements];
    }

    private CelSyntax ReadMap(CelPosition position)
    {
        var keys = new List<CelSyntax>();
        var values = new List<CelSyntax>();
        while (!_token.Is("}"))
        {
            keys.Add(ReadExpression());
            Expect(":");
            values.Add(ReadExpression());
            if (!_token.Is(","))
            {
                break;
            }

            Take();
        }

        Expect("}");
        return Checked(new MapSyntax(position, [.. keys], [.. values]));
    }

    private CelToken Take()
    {
        var token = _token;
        _token = _lexer.Next();
        return token;
    }

    private void Expect(string symbol)
    {
        if (!_token.Is(symbol))
        {
            throw Unexpected($"'{symbol}'");
        }

        Take();
    }

    private CelIssueException Unexpected(string expected) => new(_token.Position, $"{expected} is expected here, not {_token}");

    private void Enter()
    {
        if (++_depth > MaxHeight)
        {
            throw TooDeep(_token.Position);
        }
    }

    private static CelSyntax Checked(CelSyntax syntax) => syntax.Height <= MaxHeight ? syntax : throw TooDeep(syntax.Position);

    private static CelIssueException TooDeep(CelPosition position) => new(position, $"the expression is nested deeper than {MaxHeight} levels");
}
