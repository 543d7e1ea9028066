using System.Text.Json;
using Microsoft.Extensions.AI;
using ProtoMesh.AI;
using ProtoMesh.ScriptedAgent;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>Tools that people have to approve, in a tool loop with a scripted model and in the framework's own pause.</summary>
public sealed class ToolApprovalTests(LiveService service) : IClassFixture<LiveService>, IAsyncLifetime
{
    private const string Rules = """
          - id: humans-first
            actions: [deploy]
            when: "metadata.version != 'none'"
            effect: require_approval
            message: "'a person has to look at it'"
            approvers: { group: ops, quorum: 1, expires: 1h }
          - id: never
            actions: [deploy]
            when: "metadata.version == 'broken'"
            effect: deny
            message: "'this one is broken'"
        """;

    private readonly string _space = $"n{Guid.NewGuid():N}"[..12];
    private readonly List<string> _deployed = [];

    public Task InitializeAsync() => service.ActivateAsync(_space, Rules, "defaults: { effect: allow }\nmetadata: { version: { type: string, default: none } }");

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_model_reads_which_approval_is_missing_and_the_same_call_runs_after_the_yes()
    {
        await using var mesh = Client("deployer");
        var tool = Deploy(mesh);
        ChatMessage Call(string version) => ScriptedModel.Calls(("deploy", new() { ["version"] = version }));
        string? denial = null;
        using var model = new ScriptedModel(
            _ => Call("1.2"),
            conversation =>
            {
                denial = ScriptedModel.Results(conversation)[0];
                Approve(mesh).GetAwaiter().GetResult();
                return Call("1.2");
            },
            conversation => ScriptedModel.Says(ScriptedModel.Results(conversation)[0]));

        Assert.Equal("deployed 1.2", await ToolLoop.RunAsync(model, "Deploy it.", [tool]));

        Assert.Matches("^Not done: deploy\\. a person has to look at it\\. .*A person of the group ops has to approve this: [0-9a-f-]{36}\\. ", denial);
        Assert.Equal(["1.2"], _deployed);
    }

    [Fact]
    public async Task A_tool_that_may_wait_runs_in_the_same_call()
    {
        await using var mesh = Client("deployer");
        var tool = Deploy(mesh, new() { OnApproval = OnApproval.Wait, OnWaiting = asked => _ = Approve(mesh) });

        Assert.Equal("deployed 1.2", $"{await tool.InvokeAsync(new() { ["version"] = "1.2" })}");
    }

    [Fact]
    public async Task The_pause_of_the_framework_is_decided_by_the_people_of_the_policy_also_in_another_process()
    {
        await using var mesh = Client("deployer");
        var tool = Deploy(mesh);
        var held = new ApprovalRequiredAIFunction(tool);
        var call = new FunctionCallContent("call-1", "deploy", new Dictionary<string, object?> { ["version"] = "1.2" });
        var request = new ToolApprovalRequestContent("request-1", call);

        Assert.Null(await request.DecideAsync(held, TimeSpan.Zero));
        // The conversation is stored, and goes on elsewhere.
        var stored = JsonSerializer.Serialize<AIContent>(request, AIJsonUtilities.DefaultOptions);
        var resumed = (ToolApprovalRequestContent)JsonSerializer.Deserialize<AIContent>(stored, AIJsonUtilities.DefaultOptions)!;
        await using var elsewhere = Client("deployer");
        var again = Deploy(elsewhere);
        var deciding = resumed.DecideAsync(new ApprovalRequiredAIFunction(again), TimeSpan.FromSeconds(30));
        var approved = await Approve(mesh);

        var answer = await deciding;
        Assert.Equal((true, "request-1", "go"), (answer!.Approved, answer.RequestId, answer.Reason));
        Assert.Empty(_deployed);
        Assert.Equal("deployed 1.2", $"{await again.InvokeAsync(new(((FunctionCallContent)answer.ToolCall).Arguments))}");
        await Eventually.HoldsAsync(async () => (await mesh.Approvals.GetAsync(approved)).State == "consumed", "it is used up");
    }

    [Fact]
    public async Task What_people_deny_and_what_the_policy_forbids_is_not_approved_and_the_rest_is()
    {
        await using var mesh = Client("deployer");
        var tool = Deploy(mesh);
        ToolApprovalRequestContent Request(string version) => new("request-1", new FunctionCallContent("call-1", "deploy", new Dictionary<string, object?> { ["version"] = version }));
        var asked = Request("1.3");
        await asked.DecideAsync(tool, TimeSpan.Zero);
        await mesh.Approvals.DenyAsync((await mesh.Approvals.ListAsync("pending").FirstAsync()).ApprovalId, "not on a Friday", approver: "maria");

        var denied = await asked.DecideAsync(tool, TimeSpan.FromSeconds(30));
        var forbidden = await Request("broken").DecideAsync(tool, TimeSpan.Zero);
        var free = await Request("none").DecideAsync(tool, TimeSpan.Zero);

        Assert.Equal((false, "not on a Friday"), (denied!.Approved, denied.Reason));
        Assert.Equal((false, "this one is broken"), (forbidden!.Approved, forbidden.Reason));
        Assert.Equal((true, null), (free!.Approved, free.Reason));
        await Assert.ThrowsAsync<ArgumentException>(() => asked.DecideAsync(AIFunctionFactory.Create(() => 1, "plain"), TimeSpan.Zero));
    }

    private AIFunction Deploy(MeshClient mesh, GuardOptions? options = null) => AIFunctionFactory.Create(
        (string version) =>
        {
            _deployed.Add(version);
            return $"deployed {version}";
        },
        "deploy").Protect(mesh, new ToolRule
        {
            Resources = _ => ["app/1"],
            Metadata = call => new() { ["version"] = $"{call["version"]}" },
            Options = options ?? new(),
        });

    /// <returns>The id of the approval that waited.</returns>
    private static async Task<string> Approve(MeshClient mesh)
    {
        var asked = await mesh.Approvals.ListAsync("pending").FirstAsync();
        return (await mesh.Approvals.ApproveAsync(asked.ApprovalId, "go", approver: "maria")).ApprovalId;
    }

    private MeshClient Client(string agent) => new(new() { BaseUrls = [service.Url], AgentId = agent, Namespace = _space });
}
