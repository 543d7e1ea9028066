using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Journal;

/// <summary>How the records of this room are written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MeshEvent))]
[JsonSerializable(typeof(EventPage))]
public sealed partial class JournalJson : JsonSerializerContext;
