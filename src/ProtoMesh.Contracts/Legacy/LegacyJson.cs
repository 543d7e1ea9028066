using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Legacy;

/// <summary>How the records of this room are written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LegacyAcquire))]
[JsonSerializable(typeof(LegacyRelease))]
[JsonSerializable(typeof(LegacyCancel))]
[JsonSerializable(typeof(LegacyLock))]
[JsonSerializable(typeof(LegacyReleased))]
[JsonSerializable(typeof(LegacyError))]
[JsonSerializable(typeof(LegacyCancelled))]
[JsonSerializable(typeof(LegacyStatus))]
[JsonSerializable(typeof(LegacyInvalid))]
public sealed partial class LegacyJson : JsonSerializerContext;
