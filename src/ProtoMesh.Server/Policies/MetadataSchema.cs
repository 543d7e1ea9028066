using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Policies.Documents;

namespace ProtoMesh.Server.Policies;

/// <summary>
/// What a document knows of the metadata that callers send. A declared field is of its type or the check is refused;
/// what is not declared no rule can read.
/// </summary>
internal sealed class MetadataSchema
{
    private readonly IReadOnlyList<MetadataField> _fields;
    private readonly CelValue[] _defaults;

    private MetadataSchema(IReadOnlyList<MetadataField> fields, CelValue[] defaults)
    {
        (_fields, _defaults) = (fields, defaults);
        Type = new CelRecordType("metadata", [.. fields.Select((field, index) => new CelField(field.Name, TypeOf(field), !field.IsRequired && defaults[index].IsAbsent))]);
        Defaults = CelValue.Record(new CelRecord(Type, defaults));
    }

    public CelRecordType Type { get; }

    /// <summary>What a rule reads when no metadata was sent.</summary>
    public CelValue Defaults { get; }

    public static MetadataSchema Of(IReadOnlyList<MetadataField> fields, List<PolicyIssue> issues)
    {
        var defaults = new CelValue[fields.Count];
        for (var index = 0; index < fields.Count; index++)
        {
            if (fields[index].Default is { } text)
            {
                var value = DefaultOf(fields[index], text);
                if (value is { } right)
                {
                    defaults[index] = right;
                }
                else
                {
                    issues.Add(new PolicyIssue(text.Line, text.Column, $"'default' is not {RuleOf(fields[index])}"));
                }
            }
        }

        return new MetadataSchema(fields, defaults);
    }

    /// <summary>What was sent, as rules read it; what breaks a rule of a field is added to <paramref name="errors"/> with its path.</summary>
    public CelValue Read(JsonElement? metadata, List<FieldError> errors)
    {
        if (_fields.Count == 0 || (metadata is null && !_fields.Any(field => field.IsRequired)))
        {
            return Defaults;
        }

        var values = new CelValue[_fields.Count];
        for (var index = 0; index < values.Length; index++)
        {
            var field = _fields[index];
            values[index] = _defaults[index];
            if (metadata is { ValueKind: JsonValueKind.Object } sent && sent.TryGetProperty(field.Name, out var json))
            {
                if (ValueOf(field, json) is { } value)
                {
                    values[index] = value;
                }
                else
                {
                    errors.Add(Problems.Field($"metadata.{field.Name}", RuleOf(field), Shown(json)));
                }
            }
            else if (field.IsRequired)
            {
                errors.Add(Problems.Field($"metadata.{field.Name}", $"required: {RuleOf(field)}", null));
            }
        }

        return CelValue.Record(new CelRecord(Type, values));
    }

    private static CelType TypeOf(MetadataField field) => field.Type switch
    {
        "number" => CelType.Double,
        "int" => CelType.Int,
        "bool" => CelType.Bool,
        "list" => CelType.ListOf(CelType.Dyn),
        "map" => CelType.MapOf(CelType.String, CelType.Dyn),
        _ => CelType.String,
    };

    private static CelValue? DefaultOf(MetadataField field, YamlText text) => field.Type switch
    {
        "number" when double.TryParse(text.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => Ranged(field, number) ? CelValue.Of(number) : null,
        "int" when long.TryParse(text.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => Ranged(field, number) ? CelValue.Of(number) : null,
        "bool" when text.Text is "true" or "false" => CelValue.Of(text.Text == "true"),
        "string" => Fits(field, text.Text) ? CelValue.Of(text.Text) : null,
        _ => null,
    };

    private static CelValue? ValueOf(MetadataField field, JsonElement json) => (field.Type, json.ValueKind) switch
    {
        ("number", JsonValueKind.Number) => json.TryGetDouble(out var number) && Ranged(field, number) ? CelValue.Of(number) : null,
        ("int", JsonValueKind.Number) => json.TryGetInt64(out var number) && Ranged(field, number) ? CelValue.Of(number) : null,
        ("bool", JsonValueKind.True) => CelValue.True,
        ("bool", JsonValueKind.False) => CelValue.False,
        ("string", JsonValueKind.String) => json.GetString() is { } text && Fits(field, text) ? CelValue.Of(text) : null,
        ("list", JsonValueKind.Array) => json.GetArrayLength() <= field.MaxLength ? CelJson.ValueOf(json) : null,
        ("map", JsonValueKind.Object) => json.EnumerateObject().Count() <= field.MaxLength ? CelJson.ValueOf(json) : null,
        _ => null,
    };

    private static bool Ranged(MetadataField field, double number) => double.IsFinite(number) && !(number < field.Min) && !(number > field.Max);

    private static bool Fits(MetadataField field, string text) =>
        text.Length <= field.MaxLength && (field.OneOf.Count == 0 || field.OneOf.Contains(text, StringComparer.Ordinal));

    private static string RuleOf(MetadataField field)
    {
        var kind = field.Type switch
        {
            "number" => "a number",
            "int" => "a whole number",
            "bool" => "true or false",
            "list" => $"a list of at most {field.MaxLength} entries",
            "map" => $"an object of at most {field.MaxLength} fields",
            _ when field.OneOf.Count > 0 => $"one of {string.Join(", ", field.OneOf)}",
            _ => $"a text of at most {field.MaxLength} characters",
        };
        return (field.Min, field.Max) switch
        {
            ({ } min, { } max) => string.Create(CultureInfo.InvariantCulture, $"{kind}, {min} to {max}"),
            ({ } min, null) => string.Create(CultureInfo.InvariantCulture, $"{kind}, at least {min}"),
            (null, { } max) => string.Create(CultureInfo.InvariantCulture, $"{kind}, at most {max}"),
            _ => kind,
        };
    }

    private static object? Shown(JsonElement json) => json.GetRawText() is { Length: <= 80 } raw ? System.Text.Json.Nodes.JsonNode.Parse(raw) : null;
}
