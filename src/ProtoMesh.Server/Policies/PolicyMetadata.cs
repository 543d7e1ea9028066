using System.Text.Json;

namespace ProtoMesh.Server.Policies;

/// <summary>What holds for metadata whatever a policy says of its fields.</summary>
internal static class PolicyMetadata
{
    public const int MostBytes = 16 * 1024;
    public const int MostLevels = 12;
    public const string Rule = "a JSON object of at most 16 KB, 12 levels deep, with whole characters in its texts";

    /// <summary>Adds the field and its rule when the rule is broken.</summary>
    public static void Check(JsonElement? metadata, Action<string, string, object?> add)
    {
        if (metadata is { ValueKind: not JsonValueKind.Null } sent && !IsGood(sent))
        {
            add("metadata", Rule, null);
        }
    }

    private static bool IsGood(JsonElement metadata)
    {
        if (metadata.ValueKind != JsonValueKind.Object || metadata.GetRawText().Length > MostBytes || !IsShallow(metadata, MostLevels))
        {
            return false;
        }

        try
        {
            // Half of a surrogate pair is valid JSON but no text; nothing that is kept or compared may hold one.
            using var writer = new Utf8JsonWriter(Stream.Null);
            metadata.WriteTo(writer);
            return true;
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>The reader of bodies has a limit of its own, so this goes only as deep as that.</summary>
    private static bool IsShallow(JsonElement json, int levels) => json.ValueKind switch
    {
        JsonValueKind.Object => levels > 0 && json.EnumerateObject().All(field => IsShallow(field.Value, levels - 1)),
        JsonValueKind.Array => levels > 0 && json.EnumerateArray().All(item => IsShallow(item, levels - 1)),
        _ => true,
    };
}
