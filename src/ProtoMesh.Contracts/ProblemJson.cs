using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts;

/// <summary>How problems and their catalogue are written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(List<ProblemKind>))]
public sealed partial class ProblemJson : JsonSerializerContext;
