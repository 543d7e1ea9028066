using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>What holds for metadata whatever a policy says of its fields.</summary>
internal static partial class PolicyMetadata
{
    public const int MostBytes = 16 * 1024;
    public const int MostLevels = 12;
    public const string Rule = "a JSON object of at most 16 KB, 12 levels deep, with whole characters in its texts";

    public const string ActionRule = "1 to 128 of A-Z, a-z, 0-9, _ . : / and -";

    /// <summary>What rules can name; anything else would slip past every rule but those for all.</summary>
    public static bool IsAction(string? action) => action is not null && ActionPattern().IsMatch(action);

    /// <summary>Adds the field and its rule when the rule is broken.</summary>
    public static void Check(JsonElement? metadata, Action<string, string, object?> add)
    {
        if (metadata is { ValueKind: not JsonValueKind.Null } sent && !IsGood(sent))
        {
            add("metadata", Rule, null);
        }
        else if (metadata is { ValueKind: JsonValueKind.Object } whole && InfiniteIn(whole, "metadata") is { } path)
        {
            add(path, "a finite number", null);
        }
    }

    private static bool IsGood(JsonElement metadata) =>
        metadata.ValueKind == JsonValueKind.Object && Encoding.UTF8.GetByteCount(metadata.GetRawText()) <= MostBytes && IsSound(metadata, MostLevels) && WholeTexts.AreIn(metadata);

    /// <summary>The reader of bodies has a limit of its own, so this goes only as deep as that.</summary>
    private static bool IsSound(JsonElement json, int levels) => json.ValueKind switch
    {
        JsonValueKind.Object => levels > 0 && json.EnumerateObject().All(field => IsSound(field.Value, levels - 1)),
        JsonValueKind.Array => levels > 0 && json.EnumerateArray().All(item => IsSound(item, levels - 1)),
        _ => true,
    };

    /// <summary>Where a number is too large to be one, such as 1e999.</summary>
    private static string? InfiniteIn(JsonElement json, string path) => json.ValueKind switch
    {
        JsonValueKind.Number => double.IsFinite(json.GetDouble()) ? null : path,
        JsonValueKind.Object => json.EnumerateObject().Select(field => InfiniteIn(field.Value, $"{path}.{field.Name}")).FirstOrDefault(found => found is not null),
        JsonValueKind.Array => json.EnumerateArray().Select((item, index) => InfiniteIn(item, $"{path}[{index}]")).FirstOrDefault(found => found is not null),
        _ => null,
    };

    [GeneratedRegex("^[A-Za-z0-9_.:/-]{1,128}\\z")]
    private static partial Regex ActionPattern();
}
