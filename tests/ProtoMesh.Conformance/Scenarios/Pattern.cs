using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ProtoMesh.Conformance.Scenarios;

/// <summary>What a scenario expects of a value, as tests/conformance/README.md describes it.</summary>
internal static class Pattern
{
    /// <summary>Null when the value matches, else a sentence that says where it does not.</summary>
    public static string? Difference(JsonNode? pattern, JsonNode? actual, string path = "") => pattern switch
    {
        null => actual is null ? null : Says(path, "nothing", actual),
        JsonObject { Count: > 0 } operators when operators.First().Key.StartsWith('$') =>
            operators.Select(one => Operator(one.Key, one.Value, actual, path)).FirstOrDefault(difference => difference is not null),
        JsonObject members => actual is JsonObject given
            ? members.Select(member => Difference(member.Value, given[member.Key], Join(path, member.Key))).FirstOrDefault(difference => difference is not null)
            : Says(path, "an object", actual),
        JsonArray items => actual is JsonArray given
            ? items.Count != given.Count
                ? Says(path, string.Create(CultureInfo.InvariantCulture, $"{items.Count} elements"), actual)
                : items.Select((item, index) => Difference(item, given[index], Join(path, index))).FirstOrDefault(difference => difference is not null)
            : Says(path, "an array", actual),
        _ => IsSame(pattern, actual) ? null : Says(path, pattern.ToJsonString(), actual),
    };

    private static string? Operator(string name, JsonNode? operand, JsonNode? actual, string path)
    {
        var says = $"{name} {operand?.ToJsonString() ?? "null"}";
        return name switch
        {
            "$length" => actual is JsonArray list ? Difference(operand, list.Count, Join(path, "length")) : Says(path, says, actual),
            "$contains" => actual switch
            {
                JsonArray list when list.Any(item => Difference(operand, item) is null) => null,
                JsonValue text when Text(text) is { } all && Text(operand) is { } part && all.Contains(part, StringComparison.Ordinal) => null,
                _ => Says(path, says, actual),
            },
            "$all" => actual is JsonArray list
                ? list.Select((item, index) => Difference(operand, item, Join(path, index))).FirstOrDefault(difference => difference is not null)
                : Says(path, says, actual),
            "$ascending" => actual is JsonArray list && Rises(list, Text(operand) ?? "") ? null : Says(path, says, actual),
            "$gt" => Compares(actual, operand, sign => sign > 0) ? null : Says(path, says, actual),
            "$gte" => Compares(actual, operand, sign => sign >= 0) ? null : Says(path, says, actual),
            "$lt" => Compares(actual, operand, sign => sign < 0) ? null : Says(path, says, actual),
            "$lte" => Compares(actual, operand, sign => sign <= 0) ? null : Says(path, says, actual),
            "$type" => TypeOf(actual) == Text(operand) ? null : Says(path, says, actual),
            "$matches" => Text(actual) is { } text && Regex.IsMatch(text, Text(operand)!, RegexOptions.CultureInvariant) ? null : Says(path, says, actual),
            "$absent" => actual is null ? null : Says(path, "nothing", actual),
            "$not" => Difference(operand, actual) is not null ? null : Says(path, says, actual),
            "$any" => operand!.AsArray().Any(one => Difference(one, actual) is null) ? null : Says(path, says, actual),
            _ => throw new UsageException($"There is no pattern {name}."),
        };
    }

    private static bool IsSame(JsonNode one, JsonNode? other) =>
        Number(one) is { } number ? Number(other) == number : JsonNode.DeepEquals(one, other);

    private static bool Compares(JsonNode? actual, JsonNode? bound, Func<int, bool> holds) =>
        Number(actual) is { } number && Number(bound) is { } limit && holds(number.CompareTo(limit));

    private static bool Rises(JsonArray list, string path)
    {
        var numbers = list.Select(item => Number(path.Length == 0 ? item : Names.Walk(item, path.Split('.'))) ?? double.NaN).ToList();
        return numbers.Zip(numbers.Skip(1)).All(pair => pair.First < pair.Second);
    }

    private static double? Number(JsonNode? node) => node?.GetValueKind() == JsonValueKind.Number
        ? double.Parse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture)
        : null;

    private static string? Text(JsonNode? node) => node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;

    private static string TypeOf(JsonNode? node) => node?.GetValueKind() switch
    {
        null or JsonValueKind.Null or JsonValueKind.Undefined => "null",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Number => "number",
        JsonValueKind.String => "string",
        JsonValueKind.Array => "array",
        _ => "object",
    };

    private static string Join(string path, object part) => path.Length == 0 ? $"{part}" : $"{path}.{part}";

    private static string Says(string path, string expected, JsonNode? actual)
    {
        var shown = actual?.ToJsonString() ?? "nothing";
        return $"{(path.Length == 0 ? "the result" : path)} should be {expected} and is {(shown.Length > 600 ? $"{shown[..600]}…" : shown)}";
    }
}
