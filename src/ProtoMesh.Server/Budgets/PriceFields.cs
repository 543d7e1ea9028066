using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace ProtoMesh.Server.Budgets;

/// <summary>The keys of one map of a price table; whatever is unknown, missing or of the wrong kind is a <see cref="FormatException"/> with its line.</summary>
internal sealed class PriceFields
{
    private readonly YamlMappingNode _map;
    private readonly string _what;

    public PriceFields(YamlNode node, string what, params string[] known)
    {
        (_map, _what) = (node as YamlMappingNode ?? throw Wrong(node, $"{what} is a map"), what);
        foreach (var key in _map.Children.Keys.Where(key => !known.Contains((key as YamlScalarNode)?.Value, StringComparer.Ordinal)))
        {
            throw Wrong(key, $"{what} has no {key}; it has {string.Join(", ", known)}");
        }
    }

    public string Text(string key) => Find(key) is YamlScalarNode { Value.Length: > 0 and <= 128 } text ? text.Value : throw Wrong(Find(key) ?? _map, $"{_what} needs a text '{key}'");

    public decimal Price(string key) => Number(key) ?? throw Wrong(_map, $"{_what} needs a price '{key}'");

    /// <summary>Null when it is not there.</summary>
    public decimal? Number(string key) => Find(key) switch
    {
        null => null,
        YamlScalarNode text when decimal.TryParse(text.Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number <= 1_000_000 => number,
        var other => throw Wrong(other, $"'{key}' is a number, 0 to 1000000"),
    };

    public IEnumerable<YamlNode> List(string key) => Find(key) is YamlSequenceNode list ? list.Children : throw Wrong(Find(key) ?? _map, $"{_what} needs a list '{key}'");

    public YamlMappingNode? Map(string key) => Find(key) switch
    {
        null => null,
        YamlMappingNode map => map,
        var other => throw Wrong(other, $"'{key}' is a map"),
    };

    private YamlNode? Find(string key) => _map.Children.TryGetValue(new YamlScalarNode(key), out var node) ? node : null;

    private static FormatException Wrong(YamlNode at, string what) => new(string.Create(CultureInfo.InvariantCulture, $"line {at.Start.Line}: {what}"));
}
