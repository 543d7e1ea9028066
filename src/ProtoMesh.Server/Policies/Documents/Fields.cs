using System.Globalization;
using System.Text.RegularExpressions;

namespace ProtoMesh.Server.Policies.Documents;

/// <summary>The keys of one map of a document. Whatever is unknown, missing or of the wrong kind becomes an issue, and reading goes on.</summary>
internal sealed partial class Fields
{
    private readonly YamlMap _map;
    private readonly string _what;
    private readonly List<PolicyIssue> _issues;

    private Fields(YamlMap map, string what, List<PolicyIssue> issues, string[] known)
    {
        (_map, _what, _issues) = (map, what, issues);
        foreach (var entry in map.Entries.Where(entry => !known.Contains(entry.Key.Text, StringComparer.Ordinal)))
        {
            Add(entry.Key, $"{what} has no '{Shown(entry.Key.Text)}'; it has {string.Join(", ", known)}");
        }
    }

    public static Fields? Of(YamlNode? node, string what, List<PolicyIssue> issues, params string[] known)
    {
        if (node is YamlMap map)
        {
            return new Fields(map, what, issues, known);
        }

        if (node is not null)
        {
            issues.Add(new PolicyIssue(node.Line, node.Column, $"{what} is a map, not {node.Kind}"));
        }

        return null;
    }

    public int Line => _map.Line;

    public int Column => _map.Column;

    public YamlNode? Node(string key, bool required = false)
    {
        var found = _map.Find(key);
        if (found is null && required)
        {
            _issues.Add(new PolicyIssue(_map.Line, _map.Column, $"{_what} needs '{key}'"));
        }

        return found;
    }

    /// <summary>A text that is not empty, such as an expression.</summary>
    public YamlText? Text(string key, bool required = false)
    {
        switch (Node(key, required))
        {
            case null:
                return null;
            case YamlText { Text.Length: > 0 } text:
                return text;
            case var other:
                Add(other, $"'{key}' is a text that is not empty");
                return null;
        }
    }

    public string? Word(string key, Regex pattern, string rule, bool required = false)
    {
        if (Text(key, required) is not { } text || pattern.IsMatch(text.Text))
        {
            return Text(key)?.Text;
        }

        Add(text, $"'{key}' is {rule}, not '{Shown(text.Text)}'");
        return null;
    }

    public string? OneOf(string key, params string[] words)
    {
        if (Text(key) is not { } text || words.Contains(text.Text, StringComparer.Ordinal))
        {
            return _map.Find(key) is YamlText { Text: var word } ? word : null;
        }

        Add(text, $"'{key}' is {string.Join(" or ", words)}, not '{Shown(text.Text)}'");
        return null;
    }

    public long? Integer(string key, long least, long most, bool required = false)
    {
        if (Node(key, required) is not { } node)
        {
            return null;
        }

        if (node is YamlText text && long.TryParse(text.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
        {
            return number;
        }

        Add(node, $"'{key}' is a whole number, {least} to {most}");
        return null;
    }

    public double? Number(string key)
    {
        if (Node(key) is not { } node)
        {
            return null;
        }

        if (node is YamlText text && double.TryParse(text.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
        {
            return number;
        }

        Add(node, $"'{key}' is a number");
        return null;
    }

    public bool? Flag(string key)
    {
        if (Node(key) is not { } node)
        {
            return null;
        }

        if (node is YamlText { Text: "true" or "false" } text)
        {
            return text.Text == "true";
        }

        Add(node, $"'{key}' is true or false");
        return null;
    }

    /// <summary>A number with its unit: <c>500ms</c>, <c>30s</c>, <c>1m</c>, <c>1h</c>, <c>2d</c>.</summary>
    public TimeSpan? Duration(string key, TimeSpan least, TimeSpan most, bool required = false)
    {
        if (Node(key, required) is not { } node)
        {
            return null;
        }

        if (node is YamlText text && DurationPattern().Match(text.Text) is { Success: true } match)
        {
            var number = long.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture);
            var unit = match.Groups["unit"].Value switch
            {
                "ms" => TimeSpan.FromMilliseconds(1), "s" => TimeSpan.FromSeconds(1), "m" => TimeSpan.FromMinutes(1), "h" => TimeSpan.FromHours(1), _ => TimeSpan.FromDays(1),
            };
            if (number * unit >= least && number * unit <= most)
            {
                return number * unit;
            }
        }

        Add(node, $"'{key}' is a number with its unit (ms, s, m, h or d), {Written(least)} to {Written(most)}");
        return null;
    }

    public IReadOnlyList<YamlNode> List(string key, int least, int most, bool required = false)
    {
        switch (Node(key, required))
        {
            case null:
                return [];
            case YamlList list when list.Items.Count >= least && list.Items.Count <= most:
                return list.Items;
            case YamlList list:
                Add(list, $"'{key}' has {least} to {most} entries, not {list.Items.Count}");
                return [];
            case var other:
                Add(other, $"'{key}' is a list, not {other.Kind}");
                return [];
        }
    }

    public IReadOnlyList<YamlEntry> Entries(string key, int most)
    {
        switch (Node(key))
        {
            case null:
                return [];
            case YamlMap map when map.Entries.Count <= most:
                return map.Entries;
            case YamlMap map:
                Add(map, $"'{key}' has at most {most} entries, not {map.Entries.Count}");
                return [];
            case var other:
                Add(other, $"'{key}' is a map, not {other.Kind}");
                return [];
        }
    }

    public static string Shown(string text) => text.Length <= 64 ? text : $"{text[..60]}…";

    public static string Written(TimeSpan span) => span switch
    {
        { TotalMilliseconds: < 1_000 } => $"{span.TotalMilliseconds}ms",
        { TotalSeconds: < 60 } => $"{span.TotalSeconds}s",
        { TotalMinutes: < 60 } => $"{span.TotalMinutes}m",
        { TotalHours: < 24 } => $"{span.TotalHours}h",
        _ => $"{span.TotalDays}d",
    };

    private void Add(YamlNode at, string message) => _issues.Add(new PolicyIssue(at.Line, at.Column, message));

    [GeneratedRegex("^(?<number>[0-9]{1,9})(?<unit>ms|s|m|h|d)\\z")]
    private static partial Regex DurationPattern();
}
