using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Locks;

/// <summary>Reads a string or an object; writes the shorter of the two that says the same.</summary>
public sealed class ResourceRequestConverter : JsonConverter<ResourceRequest>
{
    /// <inheritdoc/>
    public override ResourceRequest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return new ResourceRequest { Resource = reader.GetString() };
        }
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("A resource is a string, or an object with resource, mode, capacity and units.");
        }
        var request = new ResourceRequest();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString();
            reader.Read();
            request = name switch
            {
                "resource" => request with { Resource = Text(ref reader, name) },
                "mode" => request with { Mode = Text(ref reader, name) },
                "capacity" => request with { Capacity = Count(ref reader, name) },
                "units" => request with { Units = Count(ref reader, name) },
                _ => throw new JsonException($"A resource has no field '{name}'."),
            };
        }
        return request;
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, ResourceRequest value, JsonSerializerOptions options)
    {
        if (value is { Mode: null, Capacity: null, Units: null })
        {
            writer.WriteStringValue(value.Resource);
            return;
        }
        writer.WriteStartObject();
        writer.WriteString("resource", value.Resource);
        if (value.Mode is not null)
        {
            writer.WriteString("mode", value.Mode);
        }
        if (value.Capacity is { } capacity)
        {
            writer.WriteNumber("capacity", capacity);
        }
        if (value.Units is { } units)
        {
            writer.WriteNumber("units", units);
        }
        writer.WriteEndObject();
    }

    private static string? Text(ref Utf8JsonReader reader, string name) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString(),
        JsonTokenType.Null => null,
        _ => throw new JsonException($"'{name}' of a resource is a string."),
    };

    private static int? Count(ref Utf8JsonReader reader, string name) => reader.TokenType switch
    {
        JsonTokenType.Number when reader.TryGetInt32(out var number) => number,
        JsonTokenType.Null => null,
        _ => throw new JsonException($"'{name}' of a resource is a whole number."),
    };
}
