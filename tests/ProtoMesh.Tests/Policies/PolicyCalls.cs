using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>A namespace of its own for a test, with a policy that it can change, on a service that others share.</summary>
internal sealed class PolicyCalls(MeshServer server)
{
    private int _versions;

    public string Namespace { get; } = $"t-{Guid.NewGuid():N}"[..20];

    public static async Task<PolicyCalls> BeginAsync(string store, string rules, string head = "")
    {
        var calls = new PolicyCalls(await MeshServers.GetAsync(store));
        await calls.ActivateAsync(rules, head);
        return calls;
    }

    public async Task ActivateAsync(string rules, string head = "")
    {
        using var put = new HttpRequestMessage(HttpMethod.Put, $"/v1/policies/test?namespace={Namespace}") { Content = Yaml(Documents.With(rules, $"{head}\n# {++_versions}")) };
        var stored = await server.Http.AskAsync(put);
        Assert.True(stored.Status is 201, stored.ToString());
        using var activate = new HttpRequestMessage(HttpMethod.Post, $"/v1/policies/test/versions/{stored.Number("version")}/activate?namespace={Namespace}");
        activate.Headers.TryAddWithoutValidation("If-Match", "*");
        var active = await server.Http.AskAsync(activate);
        Assert.True(active.Status is 200, active.ToString());
    }

    public Task<HttpAnswer> AcquireAsync(string resource, string agent = "agent-1", string? action = "a", JsonObject? more = null, string query = "", int? wait = null)
    {
        var body = more ?? [];
        body["namespace"] = Namespace;
        body["agent_id"] = agent;
        if (!body.ContainsKey("resources"))
        {
            body["resource"] = resource;
        }

        if (action is not null)
        {
            body["action"] = action;
        }

        return server.PostAsync($"/v1/locks{query}", body, wait);
    }

    public Task<HttpAnswer> WaitAsync(HttpAnswer queued, int wait = 0) => server.PostAsync($"/v1/locks/{queued.String("lock_id")}/wait", wait: wait);

    public async Task ReleaseAsync(HttpAnswer granted) => Assert.Equal(200, (await server.PostAsync(
        $"/v1/locks/{granted.String("lock_id")}/release", new JsonObject { ["fencing_token"] = granted.Number("fencing_token") })).Status);

    public Task<HttpAnswer> CheckAsync(string action, JsonObject? more = null)
    {
        var body = more ?? [];
        body["namespace"] = Namespace;
        body["action"] = action;
        body["agent_id"] ??= "agent-1";
        return server.PostAsync("/v1/policies/check", body);
    }

    public MeshServer Server => server;

    private static StringContent Yaml(string text) => new(text, Encoding.UTF8, new MediaTypeHeaderValue("application/yaml"));
}
