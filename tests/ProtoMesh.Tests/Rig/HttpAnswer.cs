using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProtoMesh.Tests.Rig;

/// <summary>An answer of the service, read to its end.</summary>
internal sealed record HttpAnswer(int Status, string? MediaType, string Text, HttpResponseHeaders Headers)
{
    /// <summary>The body as a JSON object.</summary>
    public JsonObject Body => JsonNode.Parse(Text)!.AsObject();

    /// <summary>The code of a problem; null for any other body.</summary>
    public string? Code => MediaType == "application/problem+json" ? (string?)Body["code"] : null;

    public string String(string name) => (string)Body[name]!;

    public long Number(string name) => (long)Body[name]!;

    public override string ToString() => $"{Status} {MediaType} {(Text.Length <= 2_000 ? Text : Text[..2_000])}";
}

internal static class HttpCalls
{
    public static Task<HttpAnswer> GetAsync(this MeshServer server, string path) => server.Http.AskAsync(HttpMethod.Get, path);

    /// <param name="server">Whom to ask.</param>
    /// <param name="path">The path and the query.</param>
    /// <param name="body">An object to send as JSON, a text to send as it is, or null for no body.</param>
    /// <param name="wait">For <c>Prefer: wait=N</c>.</param>
    public static Task<HttpAnswer> PostAsync(this MeshServer server, string path, object? body = null, int? wait = null) =>
        server.Http.AskAsync(HttpMethod.Post, path, body, wait is null ? null : $"wait={wait}");

    public static async Task<HttpAnswer> AskAsync(this HttpClient client, HttpMethod method, string path, object? body = null, string? prefer = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            var text = body as string ?? (body as JsonNode)?.ToJsonString() ?? JsonSerializer.Serialize(body);
            request.Content = new StringContent(text, Encoding.UTF8, "application/json");
        }

        if (prefer is not null)
        {
            request.Headers.TryAddWithoutValidation("Prefer", prefer);
        }

        return await client.AskAsync(request);
    }

    public static async Task<HttpAnswer> AskAsync(this HttpClient client, HttpRequestMessage request)
    {
        using var answer = await client.SendAsync(request);
        return new HttpAnswer(
            (int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, await answer.Content.ReadAsStringAsync(), answer.Headers);
    }
}
