using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ProtoMesh.Server.Policies.Documents;

/// <summary>
/// Reads YAML strictly: one document, no anchors, aliases or tags, no key twice, 32 levels. What it refuses it refuses
/// while it reads the parser's events, so nothing is built that is too deep or refers to itself.
/// </summary>
internal sealed class YamlTree
{
    public const int MostBytes = 256 * 1024;
    public const int MostLevels = 32;
    private readonly IParser _events;

    private YamlTree(string source) => _events = new Parser(new Scanner(new StringReader(source), skipComments: true));

    /// <summary>The document's root, or why there is none.</summary>
    public static YamlNode? Read(string source, out PolicyIssue? issue)
    {
        issue = null;
        if (Encoding.UTF8.GetByteCount(source) > MostBytes)
        {
            issue = new PolicyIssue(1, 1, $"the document is larger than {MostBytes / 1024} KB");
            return null;
        }

        try
        {
            return new YamlTree(source).Document();
        }
        catch (RefusedException refused)
        {
            issue = refused.Issue;
        }
        catch (YamlException failure)
        {
            issue = new PolicyIssue((int)failure.Start.Line, (int)failure.Start.Column, $"this is not YAML: {failure.Message.TrimEnd('.')}");
        }
        catch (Exception failure) when (failure is ArgumentException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            // The parser is not ours; whatever it stumbles over is the document's fault.
            issue = new PolicyIssue(1, 1, "this is not YAML that can be read");
        }

        return null;
    }

    private YamlNode Document()
    {
        _events.Consume<StreamStart>();
        if (_events.Accept<StreamEnd>(out _))
        {
            throw new RefusedException(1, 1, "the document is empty");
        }

        _events.Consume<DocumentStart>();
        var root = Node(1);
        _events.Consume<DocumentEnd>();
        if (_events.Accept<DocumentStart>(out var second))
        {
            throw Refused(second, "a second document; a file has one policy");
        }

        _events.Consume<StreamEnd>();
        return root;
    }

    private YamlNode Node(int level)
    {
        var current = _events.Consume<ParsingEvent>();
        if (current is NodeEvent node)
        {
            if (level > MostLevels)
            {
                throw Refused(current, $"deeper than {MostLevels} levels");
            }

            if (!node.Anchor.IsEmpty)
            {
                throw Refused(current, "an anchor; write the value out");
            }

            // A tag that is only "!" makes a quoted text explicit, which it is.
            if (!node.Tag.IsEmpty)
            {
                throw Refused(current, "a tag; the value's place tells its type");
            }
        }

        switch (current)
        {
            case AnchorAlias:
                throw Refused(current, "an alias; write the value out");
            case Scalar scalar:
                return Text(scalar);
            case SequenceStart:
                var items = new List<YamlNode>();
                while (!_events.TryConsume<SequenceEnd>(out _))
                {
                    items.Add(Node(level + 1));
                }

                return new YamlList(items, Line(current), Column(current));
            case MappingStart:
                return new YamlMap(Entries(level), Line(current), Column(current));
            default:
                throw Refused(current, "a text, a list or a map is expected");
        }
    }

    private List<YamlEntry> Entries(int level)
    {
        var entries = new List<YamlEntry>();
        var keys = new HashSet<string>(StringComparer.Ordinal);
        while (!_events.TryConsume<MappingEnd>(out _))
        {
            var node = Node(level + 1);
            if (node is not YamlText key)
            {
                throw new RefusedException(node.Line, node.Column, "a key is a text");
            }

            if (!keys.Add(key.Text))
            {
                throw new RefusedException(key.Line, key.Column, $"the key '{Shortened(key.Text)}' stands here twice");
            }

            entries.Add(new YamlEntry(key, Node(level + 1)));
        }

        return entries;
    }

    private static YamlText Text(Scalar scalar) => new(
        scalar.Value,
        scalar.Style switch
        {
            ScalarStyle.SingleQuoted or ScalarStyle.DoubleQuoted => YamlForm.Quoted,
            ScalarStyle.Literal => YamlForm.Literal,
            ScalarStyle.Folded => YamlForm.Folded,
            _ => YamlForm.Plain,
        },
        Line(scalar), Column(scalar));

    private static string Shortened(string text) => text.Length <= 64 ? text : $"{text[..60]}…";

    private static int Line(ParsingEvent at) => (int)at.Start.Line;

    private static int Column(ParsingEvent at) => (int)at.Start.Column;

    private static RefusedException Refused(ParsingEvent at, string what) => new(Line(at), Column(at), what);

    private sealed class RefusedException(int line, int column, string message) : Exception(message)
    {
        public PolicyIssue Issue { get; } = new(line, column, message);
    }
}
