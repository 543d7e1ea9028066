using System.Text;

namespace ProtoMesh.CelConformance;

/// <summary>A message in the text format of protocol buffers: fields in their order, each a message, a string's bytes or a bare word.</summary>
internal sealed class TextMessage
{
    private readonly List<(string Name, object Value)> _fields = [];

    public IEnumerable<string> Names => _fields.Select(each => each.Name);

    public void Add(string name, object value) => _fields.Add((name, value));

    public bool Has(string name) => _fields.Exists(field => field.Name == name);

    public IEnumerable<TextMessage> Messages(string name) => _fields.Where(field => field.Name == name).Select(field => field.Value).OfType<TextMessage>();

    public TextMessage? Message(string name) => Messages(name).FirstOrDefault();

    public byte[] Bytes(string name) => _fields.Find(field => field.Name == name).Value as byte[] ?? [];

    public string Text(string name) => Encoding.UTF8.GetString(Bytes(name));

    public string Word(string name) => _fields.Find(field => field.Name == name).Value as string ?? "";
}

/// <summary>Reads that format, as far as the specification's tests use it.</summary>
internal sealed class TextProto(string source)
{
    private int _at;

    public static TextMessage Parse(string source) => new TextProto(source).ReadFields('\0');

    private TextMessage ReadFields(char end)
    {
        var message = new TextMessage();
        while (true)
        {
            Skip();
            if (_at >= source.Length || source[_at] == end)
            {
                _at++;
                return message;
            }

            var name = source[_at] == '[' ? ReadUntil(']') : ReadWord();
            Skip();
            if (source[_at] == ':')
            {
                _at++;
                Skip();
            }

            foreach (var value in ReadValues())
            {
                message.Add(name, value);
            }
        }
    }

    private IEnumerable<object> ReadValues()
    {
        if (source[_at] != '[')
        {
            yield return ReadValue();
            yield break;
        }

        _at++;
        Skip();
        while (source[_at] != ']')
        {
            yield return ReadValue();
            Skip();
        }

        _at++;
    }

    private object ReadValue()
    {
        switch (source[_at])
        {
            case '{':
                _at++;
                return ReadFields('}');
            case '\'' or '"':
                return ReadStrings();
            default:
                return ReadWord();
        }
    }

    private string ReadUntil(char end)
    {
        var start = ++_at;
        _at = source.IndexOf(end, _at) + 1;
        return source[start..(_at - 1)];
    }

    private string ReadWord()
    {
        var start = _at;
        while (_at < source.Length && (char.IsAsciiLetterOrDigit(source[_at]) || source[_at] is '_' or '.' or '-' or '+'))
        {
            _at++;
        }

        return _at > start ? source[start.._at] : throw new FormatException($"A word is expected at character {start}, not '{source[start]}'.");
    }

    /// <summary>Strings one after the other are one string.</summary>
    private byte[] ReadStrings()
    {
        var bytes = new List<byte>();
        while (_at < source.Length && source[_at] is '\'' or '"')
        {
            var quote = source[_at++];
            while (source[_at] != quote)
            {
                ReadCharacter(bytes);
            }

            _at++;
            Skip();
        }

        return [.. bytes];
    }

    private void ReadCharacter(List<byte> bytes)
    {
        if (source[_at] != '\\')
        {
            var length = char.IsHighSurrogate(source[_at]) ? 2 : 1;
            bytes.AddRange(Encoding.UTF8.GetBytes(source.Substring(_at, length)));
            _at += length;
            return;
        }

        var kind = source[_at + 1];
        _at += 2;
        switch (kind)
        {
            case 'x' or 'X':
                bytes.Add((byte)Digits(16, 2));
                break;
            case 'u' or 'U':
                bytes.AddRange(Encoding.UTF8.GetBytes(char.ConvertFromUtf32(Digits(16, kind == 'u' ? 4 : 8))));
                break;
            case >= '0' and <= '7':
                _at--;
                bytes.Add((byte)Digits(8, 3));
                break;
            default:
                const string Letters = "abfnrtv";
                var index = Letters.IndexOf(kind, StringComparison.Ordinal);
                bytes.Add((byte)(index < 0 ? kind : "\a\b\f\n\r\t\v"[index]));
                break;
        }
    }

    private int Digits(int radix, int most)
    {
        var value = 0;
        for (var count = 0; count < most && Uri.IsHexDigit(source[_at]) && Convert.ToInt32(source[_at].ToString(), 16) < radix; count++)
        {
            value = (value * radix) + Convert.ToInt32(source[_at++].ToString(), 16);
        }

        return value;
    }

    private void Skip()
    {
        while (_at < source.Length && (char.IsWhiteSpace(source[_at]) || source[_at] is '#' or ',' or ';'))
        {
            _at = source[_at] == '#' && source.IndexOf('\n', _at) is >= 0 and var end ? end : _at + 1;
        }
    }
}
