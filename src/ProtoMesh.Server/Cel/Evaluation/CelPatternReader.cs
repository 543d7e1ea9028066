using System.Globalization;
using System.Text;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>
/// Reads a pattern as RE2 does, which the specification asks for, and writes it as .NET means the same: <c>$</c> is the very end and
/// not before a last line break, <c>\d \s \w</c> are ASCII, a bracket within brackets is itself. It counts how many parts the
/// pattern has once <c>{n,m}</c> is written out.
/// </summary>
internal ref struct CelPatternReader
{
    /// <summary>Beyond every limit, and far from where a product could overflow.</summary>
    private const long Huge = 1_000_000;

    private readonly string _text;
    private readonly StringBuilder _pattern;
    private readonly Stack<long> _outer;
    private long _size;
    private long _last;
    private int _at;

    private CelPatternReader(string text) => (_text, _pattern, _outer) = (text, new StringBuilder(text.Length + 16), new Stack<long>());

    public static (string Pattern, long Size, string? Problem) Read(string text)
    {
        var reader = new CelPatternReader(text);
        while (reader._at < text.Length)
        {
            if (reader.Step() is { } problem)
            {
                return ("", 0, problem);
            }
        }

        return (reader._pattern.ToString(), reader._size, null);
    }

    private string? Step()
    {
        switch (_text[_at])
        {
            case '\\' when _at + 1 < _text.Length:
                Part(Escape(_text[_at + 1]), 2);
                return null;
            case '[':
                return ReadClass();
            case '(':
                return OpenGroup();
            case ')':
                _last = _size;
                _size = Math.Min(Huge, _size + (_outer.Count > 0 ? _outer.Pop() : 0));
                _pattern.Append(_text[_at++]);
                return null;
            case '{':
                Repeat();
                return null;
            case '*' or '+' or '?' or '|':
                _pattern.Append(_text[_at++]);
                return null;
            case '$':
                Part(@"\z", 1);
                return null;
            default:
                Part(_text.Substring(_at, 1), 1);
                return null;
        }
    }

    private static string Escape(char each) => each switch
    {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => @"[\t\n\f\r ]",
        'S' => @"[^\t\n\f\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        _ => $@"\{each}",
    };

    private static string EscapeInClass(char each) => each switch
    {
        'd' => "0-9",
        'D' => @"\x00-/:-\uFFFF",
        's' => @"\t\n\f\r ",
        'S' => @"\x00-\x08\x0B\x0E-\x1F!-\uFFFF",
        'w' => "0-9A-Za-z_",
        'W' => @"\x00-/:-@\[-\^`{-\uFFFF",
        _ => $@"\{each}",
    };

    private void Part(string written, int length)
    {
        _pattern.Append(written);
        _at += length;
        _last = 1;
        _size = Math.Min(Huge, _size + 1);
    }

    private string? OpenGroup()
    {
        _outer.Push(_size);
        _size = 0;
        var rest = _text.AsSpan(_at);
        if (rest.StartsWith("(?P<", StringComparison.Ordinal))
        {
            _pattern.Append("(?<");
            _at += 4;
            return null;
        }

        var flags = rest.StartsWith("(?", StringComparison.Ordinal) ? rest[2..] : [];
        var length = flags.IndexOfAnyExcept("imsUnx-");
        _pattern.Append(_text[_at++]);
        return length > 0 && flags[length] is ')' or ':' && flags[..length].ContainsAnyExcept("is-")
            ? "of a regular expression's flags only i and s are part of the language"
            : null;
    }

    private string? ReadClass()
    {
        var start = _at++;
        _pattern.Append('[');
        Copy('^', "^");
        Copy(']', @"\]");
        while (_at < _text.Length && _text[_at] != ']')
        {
            if (string.CompareOrdinal(_text, _at, "[:", 0, 2) == 0)
            {
                return "a named class such as [:alpha:] is no part of the language; write it as a-zA-Z";
            }

            var isEscape = _text[_at] == '\\' && _at + 1 < _text.Length;
            _pattern.Append(isEscape ? EscapeInClass(_text[_at + 1]) : _text[_at] == '[' ? @"\[" : _text.Substring(_at, 1));
            _at += isEscape ? 2 : 1;
        }

        if (_at == _text.Length)
        {
            return $"{CelLiteral.Write(_text)} is no regular expression: the bracket at character {start + 1} is not closed";
        }

        Part("]", 1);
        return null;
    }

    private void Copy(char each, string written)
    {
        if (_at < _text.Length && _text[_at] == each)
        {
            _pattern.Append(written);
            _at++;
        }
    }

    /// <summary><c>{n}</c>, <c>{n,}</c> or <c>{n,m}</c> after the part that it repeats; anything else in braces is text.</summary>
    private void Repeat()
    {
        var end = _text.IndexOf('}', _at);
        var numbers = end < 0 ? "" : _text[(_at + 1)..end];
        var comma = numbers.IndexOf(',', StringComparison.Ordinal);
        var least = comma < 0 ? numbers : numbers[..comma];
        var most = comma < 0 || comma == numbers.Length - 1 ? least : numbers[(comma + 1)..];
        if (!TryCount(least, out _) || !TryCount(most, out var times))
        {
            Part("{", 1);
            return;
        }

        _pattern.Append(_text, _at, end + 1 - _at);
        _at = end + 1;
        _size = Math.Min(Huge, _size + (_last * (Math.Max(times, 1) - 1)));
        _last = Math.Min(Huge, _last * Math.Max(times, 1));
    }

    private static bool TryCount(string text, out long count)
    {
        count = 0;
        return text.Length > 0 && text.Length <= 5 && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count);
    }
}
