using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ProtoMesh.Conformance.Scenarios;

/// <summary>The values that a run of a scenario has saved, and the texts in which they are named.</summary>
internal sealed partial class Names
{
    private readonly Names? _outer;
    private readonly ConcurrentDictionary<string, JsonNode?> _values = new(StringComparer.Ordinal);

    public Names(string run) => _values["run"] = run;

    private Names(Names outer, int index) => (_outer, _values["i"]) = (outer, index);

    /// <summary>These names and <c>${i}</c>, for one copy of a repeated member; what it saves, all see.</summary>
    public Names Repeated(int index) => new(this, index);

    public void Save(string name, JsonNode? value)
    {
        if (_outer is null)
        {
            _values[name] = value?.DeepClone();
        }
        else
        {
            _outer.Save(name, value);
        }
    }

    /// <summary>Adds to an array, which is made when it is not there yet.</summary>
    public void Append(string name, JsonNode? value)
    {
        if (_outer is not null)
        {
            _outer.Append(name, value);
            return;
        }

        _values.AddOrUpdate(name, _ => new JsonArray(value?.DeepClone()), (_, old) =>
        {
            var list = (JsonArray)old!.DeepClone();
            list.Add(value?.DeepClone());
            return list;
        });
    }

    public string Text(string text) => Resolve(JsonValue.Create(text))!.ToString();

    /// <summary>A copy with values in place of names.</summary>
    /// <exception cref="ScenarioFailure">A name has no value yet.</exception>
    public JsonNode? Resolve(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.Select(member => new KeyValuePair<string, JsonNode?>(Text(member.Key), Resolve(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Resolve)]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String && value.GetValue<string>() is { } text && text.Contains("${", StringComparison.Ordinal) => Replace(text),
        _ => node?.DeepClone(),
    };

    /// <summary>The member at the end of a path; null where the path leads nowhere.</summary>
    public static JsonNode? Walk(JsonNode? node, IEnumerable<string> path) => path.Aggregate(node, (at, part) => at switch
    {
        JsonObject members => members[part],
        JsonArray items when int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < items.Count => items[index],
        _ => null,
    });

    private JsonNode? Replace(string text)
    {
        var match = NamePattern().Match(text);
        return match.Success && match.Length == text.Length
            ? Find(match.Groups[1].Value)?.DeepClone()
            : NamePattern().Replace(text, name => Find(name.Groups[1].Value) is { } value ? value.ToString() : throw Missing(name.Value));
    }

    private JsonNode? Find(string name)
    {
        var path = name.Split('.');
        for (var scope = this; scope is not null; scope = scope._outer)
        {
            if (scope._values.TryGetValue(path[0], out var value))
            {
                return path.Length == 1 ? value : Walk(value, path[1..]) ?? throw Missing(name);
            }
        }

        throw Missing(name);
    }

    private static ScenarioFailure Missing(string name) => new($"nothing was saved as {name}");

    [GeneratedRegex(@"\$\{([^}]+)\}")]
    private static partial Regex NamePattern();
}
