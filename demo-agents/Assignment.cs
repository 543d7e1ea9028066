using System.Text.Json.Serialization;

namespace ProtoMesh.Demo;

/// <summary>What the conductor hands an agent: the same JSON in every language.</summary>
internal sealed record Assignment
{
    public required string Agent { get; init; }

    public required int Priority { get; init; }

    /// <summary>Whom the policy takes it for; that decides how much it may pay.</summary>
    public required string Role { get; init; }

    public required string Customer { get; init; }

    public required string Claim { get; init; }

    public required decimal Wanted { get; init; }

    /// <summary>The same as a sentence, for the model.</summary>
    public required string Task { get; init; }

    /// <summary>Where ProtoMesh is.</summary>
    public required Uri Url { get; init; }

    public required string Namespace { get; init; }

    /// <summary>Where the customers' records are.</summary>
    public required Uri Records { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Assignment))]
internal sealed partial class AssignmentJson : JsonSerializerContext;
