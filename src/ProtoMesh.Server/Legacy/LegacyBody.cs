using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using ProtoMesh.Contracts.Legacy;

namespace ProtoMesh.Server.Legacy;

/// <summary>
/// Reads a body as FastAPI with Pydantic did: unknown fields are ignored, a number may come as text, and whatever is
/// wrong is listed field by field.
/// </summary>
internal sealed class LegacyBody
{
    private static readonly JsonElement Nothing = JsonElement.Parse("null");
    private readonly List<LegacyFault> _faults = [];
    private readonly List<JsonNode> _path = ["body"];
    private readonly JsonElement _object;

    private LegacyBody(JsonElement body) => _object = body;

    /// <summary>Null when every field that was asked for is right.</summary>
    public IResult? Problem => _faults.Count == 0 ? null : TypedResults.Json(new LegacyInvalid { Detail = _faults }, statusCode: StatusCodes.Status422UnprocessableEntity);

    /// <summary>A body that is no JSON object has faults of its own and then no fields.</summary>
    public static LegacyBody Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length == 0)
        {
            return new LegacyBody(Nothing).With("missing", "Field required");
        }

        try
        {
            // The parser looks at the bytes of a text only when it is read.
            var body = Utf8.IsValid(bytes.Span) ? JsonElement.Parse(bytes.Span) : throw new JsonException("The body is not UTF-8.");

            // Half of a surrogate pair is valid JSON but no text; nothing that is kept or echoed may hold one.
            using (var writer = new Utf8JsonWriter(Stream.Null))
            {
                body.WriteTo(writer);
            }

            return body.ValueKind switch
            {
                JsonValueKind.Object => new LegacyBody(body),
                JsonValueKind.Null => new LegacyBody(body).With("missing", "Field required"),
                _ => new LegacyBody(body).With("model_attributes_type", "Input should be a valid dictionary or object to extract fields from"),
            };
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or ArgumentException)
        {
            var empty = new LegacyBody(JsonElement.Parse("{}"));
            empty._path.Add((int)((failure as JsonException)?.BytePositionInLine ?? 0));
            return empty.With("json_invalid", "JSON decode error", new JsonObject { ["error"] = "not valid JSON" });
        }
    }

    public bool Has(string field) => _object.ValueKind == JsonValueKind.Object && _object.TryGetProperty(field, out _);

    /// <summary>A required text of 1 to <paramref name="mostBytes"/> bytes without control characters.</summary>
    public string Text(string field, int mostBytes) => Find(field, isRequired: true) is { } value ? Text(field, value, mostBytes) : "";

    public string? OptionalText(string field, int mostBytes) =>
        Find(field, isRequired: false) is { ValueKind: not JsonValueKind.Null } value ? Text(field, value, mostBytes) : null;

    /// <summary>A whole number, also one that is written as <c>5.0</c> or <c>"5"</c>; one that is too large is the largest.</summary>
    public long? Integer(string field)
    {
        if (Find(field, isRequired: false) is not { } value)
        {
            return null;
        }

        switch (value.ValueKind)
        {
            case JsonValueKind.Number when value.TryGetInt64(out var number):
                return number;
            case JsonValueKind.Number when value.GetDouble() is var real && Math.Floor(real) == real:
                return (long)Math.Clamp(real, -9e18, 9e18);
            case JsonValueKind.Number:
                Refuse(field, value, "int_from_float", "Input should be a valid integer, got a number with a fractional part");
                return null;
            case JsonValueKind.String when long.TryParse(value.GetString(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number):
                return number;
            case JsonValueKind.String:
                Refuse(field, value, "int_parsing", "Input should be a valid integer, unable to parse string as an integer");
                return null;
            default:
                Refuse(field, value, "int_type", "Input should be a valid integer");
                return null;
        }
    }

    /// <summary>As <see cref="Integer"/>, with bounds; null may be sent for it.</summary>
    public long? OptionalInteger(string field, long least, long most)
    {
        if (Find(field, isRequired: false) is { ValueKind: JsonValueKind.Null } || Integer(field) is not { } number)
        {
            return null;
        }

        if (number < least)
        {
            Refuse(field, Find(field, isRequired: false)!.Value, "greater_than_equal", $"Input should be greater than or equal to {least}", new JsonObject { ["ge"] = least });
        }
        else if (number > most)
        {
            Refuse(field, Find(field, isRequired: false)!.Value, "less_than_equal", $"Input should be less than or equal to {most}", new JsonObject { ["le"] = most });
        }

        return number;
    }

    /// <summary>Adds a fault that the reader cannot know of.</summary>
    public void Refuse(string field, string rule)
    {
        if (Problem is null && Find(field, isRequired: false) is { } value)
        {
            Refuse(field, value, "value_error", $"Value error, {rule}");
        }
    }

    private string Text(string field, JsonElement value, int mostBytes)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            Refuse(field, value, "string_type", "Input should be a valid string");
            return "";
        }

        var text = value.GetString()!;
        if (text.Length == 0 || text.Length > mostBytes || Encoding.UTF8.GetByteCount(text) > mostBytes || text.Any(char.IsControl))
        {
            Refuse(field, value, "value_error", $"Value error, 1 to {mostBytes} bytes without control characters");
        }

        return text;
    }

    private JsonElement? Find(string field, bool isRequired)
    {
        if (_object.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        if (_object.TryGetProperty(field, out var value))
        {
            return value;
        }

        if (isRequired)
        {
            Refuse(field, _object, "missing", "Field required");
        }

        return null;
    }

    private LegacyBody With(string type, string message, JsonObject? context = null)
    {
        _faults.Add(new LegacyFault { Type = type, Loc = _path, Msg = message, Input = _object, Ctx = context });
        return new LegacyBody(Nothing, this);
    }

    private LegacyBody(JsonElement body, LegacyBody parent)
    {
        _object = body;
        _faults = parent._faults;
    }

    private void Refuse(string field, JsonElement value, string type, string message, JsonObject? context = null) =>
        _faults.Add(new LegacyFault { Type = type, Loc = [.. _path.Select(part => part.DeepClone()), field], Msg = message, Input = value, Ctx = context });
}
