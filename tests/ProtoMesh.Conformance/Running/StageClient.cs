using System.Net.Http.Json;
using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Running;

/// <summary>The stage as a runner drives it.</summary>
internal sealed class StageClient(Uri url) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = url, Timeout = TimeSpan.FromSeconds(90) };

    public Task<JsonObject> FindAsync() => SendAsync(HttpMethod.Get, "stage", null);

    public Task<JsonObject> AddServerAsync(JsonObject settings) =>
        SendAsync(HttpMethod.Post, "stage/servers", new JsonObject { ["settings"] = settings.DeepClone() });

    public Task<JsonObject> AddProxyAsync(string target, JsonArray faults) =>
        SendAsync(HttpMethod.Post, "stage/proxies", new JsonObject { ["target"] = target, ["faults"] = faults.DeepClone() });

    public async Task<JsonNode?> RequestsAsync(string id) => (await SendAsync(HttpMethod.Get, $"stage/proxies/{id}", null))["requests"]?.DeepClone();

    public Task SteerAsync(string id, string what, JsonObject body) => SendAsync(HttpMethod.Post, $"stage/servers/{id}/{what}", body);

    public Task RemoveAsync(string kind, string id) => SendAsync(HttpMethod.Delete, $"stage/{kind}/{id}", null);

    public void Dispose() => _http.Dispose();

    private async Task<JsonObject> SendAsync(HttpMethod method, string path, JsonObject? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await _http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode
            ? text.Length == 0 ? [] : JsonNode.Parse(text)!.AsObject()
            : throw new ScenarioFailure($"the stage answered {(int)answer.StatusCode} to {method} {path}: {text}");
    }
}
