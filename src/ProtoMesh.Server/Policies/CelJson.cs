using System.Text.Json;
using System.Text.Json.Nodes;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>JSON as expressions see it, and back.</summary>
internal static class CelJson
{
    /// <summary>A whole number is an int, any other a double. The nesting is what the JSON reader let through.</summary>
    public static CelValue ValueOf(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.True => CelValue.True,
        JsonValueKind.False => CelValue.False,
        JsonValueKind.String => CelValue.Of(json.GetString()!),
        JsonValueKind.Number when json.TryGetInt64(out var integer) => CelValue.Of(integer),
        JsonValueKind.Number => CelValue.Of(json.GetDouble()),
        JsonValueKind.Array => CelValue.List([.. json.EnumerateArray().Select(ValueOf)]),
        JsonValueKind.Object => CelValue.Map(CelMap.Of(json.EnumerateObject().Select(field => (CelValue.Of(field.Name), ValueOf(field.Value))))),
        _ => CelValue.Null,
    };

    /// <summary>Numbers, texts, lists and maps as such; a time or a duration as its CEL text.</summary>
    public static JsonNode? NodeOf(CelValue value) => value.Kind switch
    {
        CelKind.Null or CelKind.Error => null,
        CelKind.Bool => JsonValue.Create(value.AsBool),
        CelKind.Int => JsonValue.Create(value.AsInt),
        CelKind.Uint => JsonValue.Create(value.AsUint),
        CelKind.Double when double.IsFinite(value.AsDouble) => JsonValue.Create(value.AsDouble),
        CelKind.String => JsonValue.Create(value.AsString),
        CelKind.Timestamp => JsonValue.Create(value.AsTimestamp.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", System.Globalization.CultureInfo.InvariantCulture)),
        CelKind.List => new JsonArray([.. value.AsList.Select(NodeOf)]),
        CelKind.Map => MapOf(value.AsMap),
        CelKind.Record when value.AsRecord is { } record => RecordOf(record),
        _ => JsonValue.Create(value.ToLiteral()),
    };

    public static JsonElement ElementOf(CelValue value) => NodeOf(value) is { } node ? JsonElement.Parse(node.ToJsonString()) : JsonElement.Parse("null");

    private static JsonObject MapOf(CelMap map)
    {
        var json = new JsonObject();
        foreach (var (key, value) in map)
        {
            json[key.Kind == CelKind.String ? key.AsString : key.ToLiteral()] = NodeOf(value);
        }

        return json;
    }

    private static JsonObject RecordOf(CelRecord record)
    {
        var json = new JsonObject();
        for (var index = 0; index < record.Type.Fields.Count; index++)
        {
            if (!record[index].IsAbsent)
            {
                json[record.Type.Fields[index].Name] = NodeOf(record[index]);
            }
        }

        return json;
    }
}
