using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ProtoMesh.Server.Policies;

/// <summary>
/// What a yes is bound to: SHA-256 over the canonical JSON of namespace, agent, action, resources, metadata and the policy's
/// digest. The order of fields, white space and the spelling of a number do not matter; everything else does.
/// </summary>
internal static class ApprovalDigest
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(PolicyQuestion question, string policySha256)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartObject();
            json.WriteString("action", question.Action);
            json.WriteString("agent", question.AgentId);
            json.WritePropertyName("metadata");
            if (question.Metadata is { ValueKind: JsonValueKind.Object } metadata)
            {
                Write(json, metadata);
            }
            else
            {
                json.WriteStartObject();
                json.WriteEndObject();
            }

            json.WriteString("namespace", question.Namespace);
            json.WriteString("policy", policySha256);
            json.WriteStartArray("resources");
            foreach (var resource in question.Resources.Select(resource => resource.Short).Order(StringComparer.Ordinal))
            {
                json.WriteStringValue(resource);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Convert.ToHexStringLower(SHA256.HashData(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)));
    }

    private static void Write(Utf8JsonWriter json, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var property in value.EnumerateObject().OrderBy(property => property.Name, StringComparer.Ordinal))
                {
                    json.WritePropertyName(property.Name);
                    Write(json, property.Value);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                {
                    Write(json, item);
                }

                json.WriteEndArray();
                break;
            case JsonValueKind.Number:
                json.WriteRawValue(Number(value.GetRawText()));
                break;
            default:
                value.WriteTo(json);
                break;
        }
    }

    /// <summary>One spelling for 1, 1.0 and 1e0. What a decimal does not hold exactly keeps its own.</summary>
    private static string Number(string raw) =>
        raw.Length <= 28 && decimal.TryParse(raw, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && (number != 0 || !raw.AsSpan().ContainsAnyInRange('1', '9'))
            ? number.ToString("0.############################", CultureInfo.InvariantCulture) is var text && text == "-0" ? "0" : text
            : raw;
}
