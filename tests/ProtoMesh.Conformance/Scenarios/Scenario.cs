using System.Text.Json.Nodes;

namespace ProtoMesh.Conformance.Scenarios;

/// <summary>One scenario of a file.</summary>
/// <param name="Topic">The file's name without its ending.</param>
/// <param name="Name">A true sentence.</param>
/// <param name="Content">As it was written.</param>
internal sealed record Scenario(string Topic, string Name, JsonObject Content)
{
    public string Id => $"{Topic}/{Name}";

    public bool IsSlow => (bool?)Content["slow"] ?? false;

    public IReadOnlyList<JsonObject> Steps { get; } = [.. Content["steps"]!.AsArray().Select(step => step!.AsObject())];
}
