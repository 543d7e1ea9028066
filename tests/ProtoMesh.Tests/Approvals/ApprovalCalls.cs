using System.Text.Json.Nodes;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>A namespace whose policy asks people, and the calls of agents and approvers in it.</summary>
internal sealed class ApprovalCalls(PolicyCalls mesh)
{
    public const string Allow = "  - { id: yes, actions: [\"*\"], effect: allow }";
    public const string Humans = "  - { id: humans, actions: [deploy], effect: require_approval, approvers: { group: ops, quorum: 1, expires: 1h } }\n" + Allow;

    public MeshServer Server => mesh.Server;

    public string Namespace => mesh.Namespace;

    public PolicyCalls Mesh => mesh;

    public static async Task<ApprovalCalls> BeginAsync(string store, string rules = Humans, string head = "") => new(await PolicyCalls.BeginAsync(store, rules, head));

    public static async Task<ApprovalCalls> OnAsync(MeshServer server, string rules = Humans, string head = "")
    {
        var calls = new PolicyCalls(server);
        await calls.ActivateAsync(rules, head);
        return new ApprovalCalls(calls);
    }

    /// <summary>A check of the action; more fields in the object.</summary>
    public Task<HttpAnswer> CheckAsync(string? approval = null, string? request = null, JsonObject? more = null, string agent = "agent-1", string? resource = "service/1", string action = "deploy", string query = "")
    {
        var body = more ?? [];
        body["agent_id"] = agent;
        body["namespace"] = Namespace;
        body["action"] = action;
        if (resource is not null)
        {
            body["resource"] = resource;
        }

        if (approval is not null)
        {
            body["approval_id"] = approval;
        }

        if (request is not null)
        {
            body["request_id"] = request;
        }

        return Server.PostAsync($"/v1/policies/check{query}", body);
    }

    /// <summary>Asks by a check, and tells the id of the approval.</summary>
    public async Task<string> AskAsync(JsonObject? more = null, string agent = "agent-1", string? resource = "service/1", string action = "deploy")
    {
        var asked = await CheckAsync(null, null, more, agent, resource, action);
        Assert.True(asked.Status == 200 && asked.String("decision") == "require_approval", asked.ToString());
        return (string)asked.Body["approval"]!["approval_id"]!;
    }

    public async Task<string> ApprovedAsync(JsonObject? more = null, string agent = "agent-1", string? resource = "service/1", string action = "deploy", long? validMs = null)
    {
        var id = await AskAsync(more, agent, resource, action);
        var approved = await ApproveAsync(id, more: validMs is null ? null : new() { ["valid_ms"] = validMs });
        Assert.True(approved.Status == 200 && approved.String("state") == "approved", approved.ToString());
        return id;
    }

    public Task<HttpAnswer> ApproveAsync(string id, string by = "ada", JsonObject? more = null) => DecideAsync(id, "approve", by, more);

    public Task<HttpAnswer> DenyAsync(string id, string by = "ada", JsonObject? more = null) => DecideAsync(id, "deny", by, more);

    public Task<HttpAnswer> RevokeAsync(string id, string by = "ada") => DecideAsync(id, "revoke", by, null);

    public Task<HttpAnswer> CancelAsync(string id) => Server.PostAsync($"/v1/approvals/{id}/cancel", new JsonObject());

    public Task<HttpAnswer> GetAsync(string id) => Server.GetAsync($"/v1/approvals/{id}");

    public async Task<string> StateAsync(string id) => (await GetAsync(id)).String("state");

    /// <summary>Waits for what the journal brings.</summary>
    public Task BecomesAsync(string id, string state) => Eventually.HoldsAsync(async () => await StateAsync(id) == state, $"{id} becomes {state}");

    public static string ReasonOf(HttpAnswer decision) => (string)decision.Body["reasons"]![0]!["code"]!;

    private Task<HttpAnswer> DecideAsync(string id, string what, string by, JsonObject? more)
    {
        var body = more ?? [];
        body["approver"] = by;
        return Server.PostAsync($"/v1/approvals/{id}/{what}", body);
    }
}
