using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Policies;

/// <summary>How the records of this room are written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CheckPolicy))]
[JsonSerializable(typeof(CheckPolicies))]
[JsonSerializable(typeof(PolicyDecision))]
[JsonSerializable(typeof(PolicyDecisions))]
[JsonSerializable(typeof(PolicyValidation))]
[JsonSerializable(typeof(PolicyVersion))]
[JsonSerializable(typeof(PolicyVersionPage))]
[JsonSerializable(typeof(PolicyPage))]
[JsonSerializable(typeof(PolicyActivation))]
[JsonSerializable(typeof(PolicyDiff))]
[JsonSerializable(typeof(RecordedDecision))]
[JsonSerializable(typeof(DecisionPage))]
public sealed partial class PoliciesJson : JsonSerializerContext;
