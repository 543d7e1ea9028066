using System.Text.Json;
using System.Text.Json.Serialization;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;

namespace ProtoMesh.Server.Locks;

/// <summary>What a request carries for others to read; the scripts keep it without looking inside.</summary>
internal sealed record LockPayload
{
    public static LockPayload Empty { get; } = new();

    public string? Reason { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>What the lease is for; a policy decided it.</summary>
    public string? Action { get; init; }

    /// <summary>What the caller said of the action, for when the policy is asked again.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>The run that the action belongs to.</summary>
    public string? RunId { get; init; }

    public PolicyStamp? Decision { get; init; }

    /// <summary>What the key said of who asked; null when there were no keys.</summary>
    public KeyFacts? Asker { get; init; }

    /// <summary>JSON, or nothing when there is nothing to say. JSON escapes control characters, which separate the parts of a record.</summary>
    public string ToStore() => Reason is null && Labels is null && Action is null ? "" : JsonSerializer.Serialize(this, LockPayloadJson.Default.LockPayload);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LockPayload))]
internal sealed partial class LockPayloadJson : JsonSerializerContext;
