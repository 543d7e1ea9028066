using System.Globalization;

namespace ProtoMesh.Server.Cel.Syntax;

/// <summary>Reads an expression token by token, counting lines and columns.</summary>
internal sealed class CelLexer(string source)
{
    private static readonly string[] Symbols =
        ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}"];

    private int _at;
    private int _line = 1;
    private int _lineStart;

    public CelToken Next()
    {
        SkipSpace();
        var position = Here(_at);
        if (_at >= source.Length)
        {
            return new CelToken(CelTokenKind.End, position, "", default);
        }

        var each = source[_at];
        if (IsStringStart())
        {
            return ReadString(position);
        }

        if (char.IsAsciiDigit(each) || (each == '.' && char.IsAsciiDigit(Peek(1))))
        {
            return ReadNumber(position);
        }

        if (IsNameStart(each))
        {
            var start = _at;
            while (IsNamePart(Peek(0)))
            {
                _at++;
            }

            return new CelToken(CelTokenKind.Name, position, source[start.._at], default);
        }

        return each == '`' ? ReadQuotedName(position) : ReadSymbol(position);
    }

    private static bool IsNameStart(char each) => char.IsAsciiLetter(each) || each == '_';

    private static bool IsNamePart(char each) => char.IsAsciiLetterOrDigit(each) || each == '_';

    private char Peek(int offset) => _at + offset < source.Length ? source[_at + offset] : '\0';

    private CelPosition Here(int at) => new(_line, at - _lineStart + 1);

    private void SkipSpace()
    {
        while (_at < source.Length)
        {
            switch (source[_at])
            {
                case '\n':
                    NextLine(_at++);
                    break;
                case ' ' or '\t' or '\f' or '\r':
                    _at++;
                    break;
                case '/' when Peek(1) == '/':
                    var end = source.IndexOf('\n', _at);
                    _at = end < 0 ? source.Length : end;
                    break;
                default:
                    return;
            }
        }
    }

    private void NextLine(int lineBreak)
    {
        _line++;
        _lineStart = lineBreak + 1;
    }

    private CelToken ReadSymbol(CelPosition position)
    {
        foreach (var symbol in Symbols)
        {
            if (string.CompareOrdinal(source, _at, symbol, 0, symbol.Length) == 0)
            {
                _at += symbol.Length;
                return new CelToken(CelTokenKind.Symbol, position, symbol, default);
            }
        }

        throw new CelIssueException(position, source[_at] switch
        {
            '=' => "'=' is no operator; equality is '=='",
            '&' => "'&' is no operator; 'and' is '&&'",
            '|' => "'|' is no operator; 'or' is '||'",
            var each when char.IsControl(each) || char.IsSurrogate(each) => "the expression holds a character that is no part of the language",
            var each => $"'{each}' is no part of the language",
        });
    }

    private CelToken ReadNumber(CelPosition position)
    {
        var start = _at;
        if (Peek(0) == '0' && Peek(1) is 'x' or 'X' && char.IsAsciiHexDigit(Peek(2)))
        {
            _at += 2;
            SkipWhile(char.IsAsciiHexDigit);
            return Whole(position, start, source.AsSpan(start + 2, _at - start - 2), NumberStyles.AllowHexSpecifier);
        }

        SkipWhile(char.IsAsciiDigit);
        var isDouble = false;
        if (Peek(0) == '.' && char.IsAsciiDigit(Peek(1)))
        {
            isDouble = true;
            _at++;
            SkipWhile(char.IsAsciiDigit);
        }

        var sign = Peek(1) is '+' or '-' ? 1 : 0;
        if (Peek(0) is 'e' or 'E' && char.IsAsciiDigit(Peek(1 + sign)))
        {
            isDouble = true;
            _at += 1 + sign;
            SkipWhile(char.IsAsciiDigit);
        }

        if (!isDouble)
        {
            return Whole(position, start, source.AsSpan(start, _at - start), NumberStyles.None);
        }

        var text = source[start.._at];
        return new CelToken(CelTokenKind.Literal, position, text, CelValue.Of(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)));
    }

    private CelToken Whole(CelPosition position, int start, ReadOnlySpan<char> digits, NumberStyles style)
    {
        var isKnown = ulong.TryParse(digits, style, CultureInfo.InvariantCulture, out var value);
        var isUint = Peek(0) is 'u' or 'U';
        _at += isUint ? 1 : 0;
        var text = source[start.._at];
        if (!isKnown || (!isUint && value > (ulong)long.MaxValue + 1))
        {
            throw new CelIssueException(position, $"the number {text} is out of range");
        }

        return isUint ? new CelToken(CelTokenKind.Literal, position, text, CelValue.OfUint(value))
            : value > long.MaxValue ? new CelToken(CelTokenKind.IntBeyondRange, position, text, default)
            : new CelToken(CelTokenKind.Literal, position, text, CelValue.Of((long)value));
    }

    private void SkipWhile(Func<char, bool> isPart)
    {
        while (_at < source.Length && isPart(source[_at]))
        {
            _at++;
        }
    }

    /// <summary>A field name that is no identifier, between backticks: <c>headers.`content-type`</c>.</summary>
    private CelToken ReadQuotedName(CelPosition position)
    {
        var start = ++_at;
        SkipWhile(static each => IsNamePart(each) || each is '.' or '-' or '/' or ' ');
        if (Peek(0) != '`' || _at == start)
        {
            throw new CelIssueException(position, "a quoted name holds letters, digits, '_', '.', '-', '/' and spaces, and ends with '`'");
        }

        return new CelToken(CelTokenKind.QuotedName, position, source[start.._at++], default);
    }

    private bool IsStringStart()
    {
        var offset = Peek(0) is 'b' or 'B' ? 1 : 0;
        offset += Peek(offset) is 'r' or 'R' ? 1 : 0;
        return Peek(offset) is '\'' or '"';
    }

    private CelToken ReadString(CelPosition position)
    {
        var start = _at;
        var isBytes = Peek(0) is 'b' or 'B';
        _at += isBytes ? 1 : 0;
        var isRaw = Peek(0) is 'r' or 'R';
        _at += isRaw ? 1 : 0;
        var quote = source[_at];
        var isTriple = Peek(1) == quote && Peek(2) == quote;
        _at += isTriple ? 3 : 1;
        var content = new CelStringContent(isBytes);
        while (!IsClosed(quote, isTriple))
        {
            if (_at >= source.Length || (!isTriple && source[_at] is '\n' or '\r'))
            {
                throw new CelIssueException(position, "the string is not closed");
            }

            if (source[_at] == '\\' && !isRaw)
            {
                _at += content.AddEscape(source.AsSpan(_at), Here(_at));
                continue;
            }

            if (source[_at] == '\n')
            {
                NextLine(_at);
            }

            content.Add(source[_at++]);
        }

        _at += isTriple ? 3 : 1;
        return new CelToken(CelTokenKind.Literal, position, source[start.._at], content.ToValue());
    }

    private bool IsClosed(char quote, bool isTriple) =>
        Peek(0) == quote && _at < source.Length && (!isTriple || (Peek(1) == quote && Peek(2) == quote));
}
