using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using ProtoMesh.Server.Access;

namespace ProtoMesh.Tests.Rig;

/// <summary>A service whose calls need keys, with the key of its first admin.</summary>
internal sealed class KeyedServer(MeshServer server, string root) : IAsyncDisposable
{
    public MeshServer Server => server;

    /// <summary>The first admin's, who is in no namespace.</summary>
    public string Root => root;

    public static async Task<KeyedServer> StartAsync(params (string Name, string Value)[] settings)
    {
        var root = KeyText.New();
        return new KeyedServer(await MeshServer.StartAsync([("Auth:BootstrapKey", root), .. settings]), root);
    }

    /// <summary>One on each kind of store.</summary>
    public static async Task<KeyedServer> OnAsync(string store)
    {
        if (store == MeshServers.Embedded)
        {
            return await StartAsync();
        }

        var redis = await RedisServer.StartAsync();
        return await StartAsync(("ConnectionStrings:Redis", redis.ConnectionString));
    }

    /// <summary>A new key as the body says.</summary>
    public async Task<string> IssueAsync(object body)
    {
        var answer = await AskAsync(root, HttpMethod.Post, "/v1/keys", body);
        Assert.True(answer.Status == 201, answer.ToString());
        return answer.String("key");
    }

    /// <summary>A key for one agent in a namespace.</summary>
    public Task<string> AgentAsync(string agentId, string space = "default") => IssueAsync(new { role = "agent", agent_id = agentId, @namespace = space });

    public static string IdOf(string key) => key.Split('_')[1];

    public Task<HttpAnswer> GetAsync(string? key, string path) => AskAsync(key, HttpMethod.Get, path);

    public Task<HttpAnswer> PostAsync(string? key, string path, object? body = null) => AskAsync(key, HttpMethod.Post, path, body);

    public Task<HttpAnswer> AskAsync(string? key, HttpMethod method, string path, object? body = null, params (string Name, string Value)[] headers) =>
        AskAsync(server.Http, key, method, path, body, headers);

    public static async Task<HttpAnswer> AskAsync(HttpClient http, string? key, HttpMethod method, string path, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (body is not null)
        {
            var isText = body is string;
            request.Content = new StringContent(isText ? (string)body : JsonSerializer.Serialize(body), Encoding.UTF8, isText ? "application/yaml" : "application/json");
        }

        return await http.AskAsync(request);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();
}
