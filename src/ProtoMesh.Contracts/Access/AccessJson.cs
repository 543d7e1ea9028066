using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Access;

/// <summary>How the records of this room are written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CreateKey))]
[JsonSerializable(typeof(RotateKey))]
[JsonSerializable(typeof(ApiKey))]
[JsonSerializable(typeof(IssuedKey))]
[JsonSerializable(typeof(ApiKeyPage))]
[JsonSerializable(typeof(PutNamespace))]
[JsonSerializable(typeof(NamespaceSettings))]
[JsonSerializable(typeof(NamespacePage))]
public sealed partial class AccessJson : JsonSerializerContext;
