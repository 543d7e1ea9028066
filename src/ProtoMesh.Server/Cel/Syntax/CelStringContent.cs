using System.Buffers;
using System.Globalization;
using System.Text;

namespace ProtoMesh.Server.Cel.Syntax;

/// <summary>What stands between the quotes of a string or bytes literal, escapes resolved.</summary>
internal sealed class CelStringContent(bool isBytes)
{
    private readonly StringBuilder _text = new();
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public void Add(char each) => _text.Append(each);

    /// <summary>Resolves the escape that starts at the front of <paramref name="rest"/> and tells its length.</summary>
    public int AddEscape(ReadOnlySpan<char> rest, CelPosition position)
    {
        var kind = rest.Length > 1 ? rest[1] : '\0';
        switch (kind)
        {
            case 'x' or 'X':
                AddCode(Number(rest, 2, 2, NumberStyles.AllowHexSpecifier, position), isOctet: true, position);
                return 4;
            case 'u' when !isBytes:
                AddCode(Number(rest, 2, 4, NumberStyles.AllowHexSpecifier, position), isOctet: false, position);
                return 6;
            case 'U' when !isBytes:
                AddCode(Number(rest, 2, 8, NumberStyles.AllowHexSpecifier, position), isOctet: false, position);
                return 10;
            case >= '0' and <= '3':
                AddCode(Octal(rest, position), isOctet: true, position);
                return 4;
        }

        const string Letters = "abfnrtv\\?\"'`";
        const string Meanings = "\a\b\f\n\r\t\v\\?\"'`";
        var index = kind == '\0' ? -1 : Letters.IndexOf(kind, StringComparison.Ordinal);
        if (index < 0)
        {
            throw new CelIssueException(position, "this is no escape sequence; a backslash itself is written '\\\\', or put an r before the string");
        }

        Add(Meanings[index]);
        return 2;
    }

    public CelValue ToValue()
    {
        if (!isBytes)
        {
            return CelValue.Of(_text.ToString());
        }

        Flush();
        return CelValue.Of(_bytes.WrittenSpan.ToArray());
    }

    private static int Number(ReadOnlySpan<char> rest, int start, int length, NumberStyles style, CelPosition position) =>
        rest.Length >= start + length && int.TryParse(rest.Slice(start, length), style, CultureInfo.InvariantCulture, out var code)
            ? code
            : throw new CelIssueException(position, $"the escape sequence needs {length} hexadecimal digits");

    private static int Octal(ReadOnlySpan<char> rest, CelPosition position) =>
        rest.Length >= 4 && rest[2] is >= '0' and <= '7' && rest[3] is >= '0' and <= '7'
            ? ((rest[1] - '0') * 64) + ((rest[2] - '0') * 8) + (rest[3] - '0')
            : throw new CelIssueException(position, "the escape sequence needs three octal digits, 000 to 377");

    private void AddCode(int code, bool isOctet, CelPosition position)
    {
        if (isBytes && isOctet)
        {
            Flush();
            _bytes.Write([(byte)code]);
            return;
        }

        if (!Rune.TryCreate(code, out var rune))
        {
            throw new CelIssueException(position, "the escape sequence is no Unicode code point");
        }

        _text.Append(rune.ToString());
    }

    private void Flush()
    {
        _bytes.Write(Encoding.UTF8.GetBytes(_text.ToString()));
        _text.Clear();
    }
}
