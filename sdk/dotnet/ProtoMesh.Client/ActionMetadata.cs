using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProtoMesh;

/// <summary>
/// Makes metadata of what an agent has at hand, such as the arguments of a tool call. Values are taken by their type and
/// never through reflection, so it works in a trimmed program too.
/// </summary>
public static class ActionMetadata
{
    // What still fits into the body of a batch, which is itself written to a depth of 64. The service takes less.
    private static readonly JsonDocumentOptions Depth = new() { MaxDepth = 60 };

    /// <summary>Texts, numbers, booleans, times, ids, JSON, and dictionaries and lists of them.</summary>
    /// <exception cref="ArgumentException">A value of another type, or a number that JSON does not have; its path is named.</exception>
    public static JsonObject From(IEnumerable<KeyValuePair<string, object?>> values) => ToObject(values, "");

    /// <exception cref="ArgumentException">It is nested too deeply, or has a number that JSON does not have.</exception>
    internal static JsonElement? ToElement(JsonObject? metadata)
    {
        try
        {
            return metadata is null ? null : JsonElement.Parse(metadata.ToJsonString(), Depth);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            throw new ArgumentException($"The metadata cannot be sent: {fault.Message}", nameof(metadata), fault);
        }
    }

    private static JsonObject ToObject(IEnumerable<KeyValuePair<string, object?>> values, string path)
    {
        var result = new JsonObject();
        foreach (var (name, value) in values)
        {
            result[name] = ToNode(value, path.Length == 0 ? name : $"{path}.{name}");
        }
        return result;
    }

    private static JsonNode? ToNode(object? value, string path) => value switch
    {
        null => null,
        JsonNode node => node.DeepClone(),
        JsonElement { ValueKind: JsonValueKind.Object } element => JsonObject.Create(element),
        JsonElement { ValueKind: JsonValueKind.Array } element => JsonArray.Create(element),
        JsonElement element => JsonValue.Create(element),
        string text => JsonValue.Create(text),
        bool truth => JsonValue.Create(truth),
        int number => JsonValue.Create(number),
        long number => JsonValue.Create(number),
        double number when double.IsFinite(number) => JsonValue.Create(number),
        decimal number => JsonValue.Create(number),
        float number when float.IsFinite(number) => JsonValue.Create(number),
        short number => JsonValue.Create(number),
        byte number => JsonValue.Create(number),
        uint number => JsonValue.Create(number),
        ulong number => JsonValue.Create(number),
        DateTimeOffset time => JsonValue.Create(time),
        DateTime time => JsonValue.Create(time),
        Guid id => JsonValue.Create(id),
        IEnumerable<KeyValuePair<string, object?>> values => ToObject(values, path),
        IDictionary values => ToObject(Pairs(values, path), path),
        IEnumerable items => ToArray(items, path),
        double or float => throw new ArgumentException($"{path} is no number that JSON has: {value}.", nameof(value)),
        _ => throw new ArgumentException($"{path} is a {value.GetType()}; metadata has texts, numbers, booleans, times, ids, JSON, and dictionaries and lists of them.", nameof(value)),
    };

    private static JsonArray ToArray(IEnumerable items, string path)
    {
        var result = new JsonArray();
        foreach (var item in items)
        {
            result.Add(ToNode(item, $"{path}[{result.Count}]"));
        }
        return result;
    }

    private static IEnumerable<KeyValuePair<string, object?>> Pairs(IDictionary values, string path)
    {
        foreach (DictionaryEntry entry in values)
        {
            yield return new(entry.Key as string ?? throw new ArgumentException($"{path} has a key that is no text.", nameof(values)), entry.Value);
        }
    }
}
