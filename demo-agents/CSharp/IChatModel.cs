using System.Text.Json.Nodes;

namespace ProtoMesh.Demo.CSharp;

/// <summary>What an agent thinks with: a provider's model, or a script that plays its part offline.</summary>
internal interface IChatModel
{
    /// <returns>The model's message: a text, or the tools that it wants to call.</returns>
    Task<JsonObject> AnswerAsync(JsonArray messages, JsonNode tools, CancellationToken cancellationToken);
}
