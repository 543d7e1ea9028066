using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

/// <summary>The document that the built service serves.</summary>
internal sealed class ApiDocument
{
    private static readonly Lazy<Task<ApiDocument>> Served = new(async () =>
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        return new ApiDocument((await server.GetAsync("/openapi/v1.json")).Text);
    });

    private ApiDocument(string text)
    {
        Text = text.ReplaceLineEndings("\n").TrimEnd() + "\n";
        Root = JsonNode.Parse(text)!.AsObject();
    }

    public string Text { get; }

    public JsonObject Root { get; }

    public IEnumerable<ApiCall> Calls =>
        from path in Root["paths"]!.AsObject()
        from method in path.Value!.AsObject()
        select new ApiCall(method.Key.ToUpperInvariant(), path.Key, method.Value!.AsObject());

    public static Task<ApiDocument> GetAsync() => Served.Value;

    public JsonObject Schema(string name) => Root["components"]!["schemas"]![name]!.AsObject();
}

internal sealed record ApiCall(string Method, string Path, JsonObject Operation)
{
    public string Id => (string)Operation["operationId"]!;

    public JsonArray Parameters => Operation["parameters"]?.AsArray() ?? [];

    /// <summary>The name of the record that its body is; null without one.</summary>
    public string? Body => ((string?)Operation["requestBody"]?["content"]?["application/json"]?["schema"]?["$ref"])?.Split('/')[^1];

    /// <summary>Whether its body is a text of its own, a policy, and not a record.</summary>
    public bool TakesText => Operation["requestBody"]?["content"]?["application/yaml"] is not null;

    /// <summary>The first version's calls answer in the first version's way, without problems.</summary>
    public bool IsLegacy => Operation["responses"]!["422"]?["content"]?["application/json"] is not null || Id.StartsWith("legacy", StringComparison.Ordinal);

    public IReadOnlyList<JsonNode> BodyExamples => Examples("application/json");

    /// <summary>Texts that can be sent as they are.</summary>
    public IReadOnlyList<string> TextExamples => [.. Examples("application/yaml").Select(example => (string)example!)];

    /// <summary>A path that can be called: its parameters have the document's examples.</summary>
    public string ExamplePath(string lockId = "00000000-0000.0") => Parameters.Where(parameter => parameter!["in"]!.ToString() == "path")
        .Aggregate(Path, (path, parameter) => path.Replace($"{{{parameter!["name"]}}}", parameter["example"]?.ToString() ?? lockId, StringComparison.Ordinal));

    private IReadOnlyList<JsonNode> Examples(string type) =>
        [.. (Operation["requestBody"]?["content"]?[type]?["examples"]?.AsObject() ?? []).Select(example => example.Value!["value"]!)];

    public override string ToString() => Id;
}
