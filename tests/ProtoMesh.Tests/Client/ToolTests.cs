using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;
using ProtoMesh.AI;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.ScriptedAgent;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>Protected tools in a tool loop with a scripted model, against the real service.</summary>
public sealed class ToolTests(LiveService service) : IClassFixture<LiveService>
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(2);

    private readonly string _resource = $"customer/{Guid.NewGuid():N}";

    [Fact]
    public async Task Two_agents_of_one_process_never_run_the_same_tool_on_the_same_resource_at_once()
    {
        var (inside, most, tokens) = (0, 0, new ConcurrentQueue<long>());
        await Task.WhenAll(Enumerable.Range(1, 2).Select(async number =>
        {
            await using var mesh = service.Client($"agent-{number}");
            var tool = Tool("update", async (_, stop) =>
            {
                most = Math.Max(most, Interlocked.Increment(ref inside));
                tokens.Enqueue(ProtectedAIFunction.CurrentGuard!.Lease!.FencingToken);
                await Task.Delay(20, stop);
                Interlocked.Decrement(ref inside);
                return "done";
            }).Protect(mesh, call => $"{call["id"]}");
            var results = await RunAsync(tool, [.. Enumerable.Repeat(_resource, 10)]);
            Assert.All(results, result => Assert.Equal("done", result));
        }));

        Assert.Equal((1, 20), (most, tokens.Count));
        Assert.Equal(tokens.Order(), tokens);
    }

    [Fact]
    public async Task Two_agents_of_two_processes_lose_no_update()
    {
        using var folder = new TempFolder("agents");
        var file = Path.Combine(folder.Path, "number");
        await File.WriteAllTextAsync(file, "0");

        using var one = await AgentAsync("agent-1", file, folder, rounds: 15, holdMs: 10, TimeSpan.FromSeconds(30));
        using var two = await AgentAsync("agent-2", file, folder, rounds: 15, holdMs: 10, TimeSpan.FromSeconds(30));
        Assert.True(await one.ExitAsync(TimeSpan.FromMinutes(1)) == 0, one.Output);
        Assert.True(await two.ExitAsync(TimeSpan.FromMinutes(1)) == 0, two.Output);

        Assert.Equal("30", await File.ReadAllTextAsync(file));
        Assert.Contains(new[] { one.Output, two.Output }, output => output.EndsWith("It is 30.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_holder_that_is_killed_is_followed_by_the_next_in_line()
    {
        using var folder = new TempFolder("agents");
        var file = Path.Combine(folder.Path, "number");
        await File.WriteAllTextAsync(file, "0");
        // Long enough that a busy machine does not end the hold before the kill does.
        var ttl = TimeSpan.FromSeconds(8);
        using var holder = await AgentAsync("agent-1", file, folder, rounds: 1, holdMs: 60_000, ttl);
        await Eventually.HoldsAsync(() => holder.Output.Contains("holding", StringComparison.Ordinal), "it holds", TimeSpan.FromSeconds(30));
        using var next = await AgentAsync("agent-2", file, folder, rounds: 1, holdMs: 0, ttl);
        await using var mesh = service.Client("observer");
        await Eventually.HoldsAsync(async () => (await mesh.Locks.QueueAsync(_resource)).QueueLength == 1, "the next waits", TimeSpan.FromSeconds(60));

        holder.Kill();

        Assert.True(await next.ExitAsync(TimeSpan.FromSeconds(60)) == 0, next.Output);
        Assert.Contains("after expired", next.Output, StringComparison.Ordinal);
        Assert.EndsWith("It is 1.", next.Output);
    }

    [Fact]
    public async Task A_model_reads_why_it_was_denied_and_does_what_is_allowed()
    {
        await using var mesh = service.Client("agent-1");
        var paid = new List<double>();
        var refund = AIFunctionFactory.Create((string customer, double amount) => { paid.Add(amount); return "paid"; }, "refund").Protect(mesh, new ToolRule
        {
            Resources = call => [$"{call["customer"]}"],
            Metadata = call => new() { ["agent_role"] = "junior", ["estimated_cost"] = Convert.ToDouble(call["amount"], CultureInfo.InvariantCulture) },
        });
        ChatMessage Refund(double amount) => ScriptedModel.Calls(("refund", new() { ["customer"] = _resource, ["amount"] = amount }));
        string? denial = null;
        using var model = new ScriptedModel(
            _ => Refund(500),
            conversation => Refund(Allowed(denial = ScriptedModel.Results(conversation)[0])),
            conversation => ScriptedModel.Says(ScriptedModel.Results(conversation)[0]));

        Assert.Equal("paid", await ToolLoop.RunAsync(model, "Pay back what you may.", [refund]));

        Assert.StartsWith("Not done: refund. Cost $500 exceeds limit $100 for role junior.", denial);
        Assert.Equal([100], paid);

        static double Allowed(string text) =>
            double.Parse(text.Split("metadata.estimated_cost <= ")[1].Split('.')[0], CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task A_busy_resource_is_told_to_the_model_with_its_holder_and_the_tool_does_not_run()
    {
        await using var mesh = service.Client("agent-1");
        await using var other = service.Client("agent-2");
        await using var lease = await other.Locks.AcquireAsync(_resource, new() { Reason = "refund #42" });
        var rule = ToolRule.For(call => $"{call["id"]}") with { Options = new() { Wait = TimeSpan.Zero } };
        var tool = Tool("update", (_, _) => throw new InvalidOperationException("It ran.")).Protect(mesh, rule);

        var result = Assert.Single(await RunAsync(tool, [_resource]));

        Assert.StartsWith($"Not done: update. {_resource} is held by agent-2 (refund #42)", result);
    }

    [Fact]
    public async Task An_unreachable_service_stops_the_tool_and_not_the_agent()
    {
        await using var mesh = new MeshClient(new() { BaseUrls = [new Uri("http://127.0.0.1:1")], RetryFor = TimeSpan.FromMilliseconds(500) });
        var tool = Tool("update", (_, _) => throw new InvalidOperationException("It ran.")).Protect(mesh);

        Assert.Matches(@"^Not done: update\. http://127\.0\.0\.1:1 (could not be reached|did not answer in time)", Assert.Single(await RunAsync(tool, [_resource])));
    }

    [Fact]
    public async Task Arguments_that_name_nothing_to_protect_are_told_to_the_model_and_the_tool_does_not_run()
    {
        await using var mesh = service.Client("agent-1");
        var ran = 0;
        var tool = Tool("update", (_, _) => Task.FromResult($"{++ran}"));

        var missing = Assert.Single(await RunAsync(tool.Protect(mesh, call => $"{call["customer"]}"), [_resource]));
        var wrong = Assert.Single(await RunAsync(tool.Protect(mesh, call => $"{call["id"]}"), ["no resource"]));

        Assert.StartsWith("Not done: update. Its arguments do not say what it needs:", missing);
        Assert.StartsWith("Not done: update.", wrong);
        Assert.Equal(0, ran);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_tool_that_loses_its_lease_is_stopped_and_the_model_reads_that_it_may_be_half_done(bool watches)
    {
        await using var mesh = service.Client("agent-1");
        var rule = ToolRule.For(call => $"{call["id"]}") with { Options = new() { Ttl = Ttl } };
        var tool = Tool("update", async (_, stop) =>
        {
            await mesh.Locks.ForceReleaseAsync(_resource, "it was stuck", immediate: true, cancellationToken: CancellationToken.None);
            // One tool is stopped in what it awaits, another never looks at its token.
            await Task.Delay(watches ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, watches ? stop : CancellationToken.None);
            return "done";
        }).Protect(mesh, rule);

        Assert.StartsWith("update may be half done: ", Assert.Single(await RunAsync(tool, [_resource])));
    }

    [Fact]
    public async Task A_failure_of_the_tool_stays_a_failure_and_the_next_holder_reads_its_type()
    {
        await using var mesh = service.Client("agent-1");
        var tool = Tool("update", (_, _) => throw new InvalidDataException("row 7 is broken")).Protect(mesh, call => $"{call["id"]}");

        await Assert.ThrowsAsync<InvalidDataException>(() => tool.InvokeAsync(new() { ["id"] = _resource }).AsTask());

        await using var next = await mesh.Locks.TryAcquireAsync(_resource);
        Assert.Equal((LockState.Released, "update failed: InvalidDataException"), (next!.Previous!.Ended, next.Previous.Note));
    }

    [Fact]
    public async Task A_caller_that_leaves_while_a_tool_waits_leaves_nothing_in_the_queue()
    {
        await using var mesh = service.Client("agent-1");
        await using var other = service.Client("agent-2");
        await using var lease = await other.Locks.AcquireAsync(_resource);
        using var patience = new CancellationTokenSource();
        var tool = Tool("update", (_, _) => throw new InvalidOperationException("It ran.")).Protect(mesh, call => $"{call["id"]}");

        var run = RunAsync(tool, [_resource, _resource], patience.Token, atOnce: true);
        await Eventually.HoldsAsync(async () => (await mesh.Locks.QueueAsync(_resource)).QueueLength == 2, "both calls wait");
        patience.Cancel();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Equal(0, (await mesh.Locks.QueueAsync(_resource)).QueueLength);
    }

    [Fact]
    public async Task A_caller_that_leaves_while_a_tool_runs_stops_it_and_frees_the_resource()
    {
        await using var mesh = service.Client("agent-1");
        using var patience = new CancellationTokenSource();
        var tool = Tool("update", async (_, stop) =>
        {
            patience.Cancel();
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
            return "done";
        }).Protect(mesh, call => $"{call["id"]}");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RunAsync(tool, [_resource], patience.Token));

        await using var next = await mesh.Locks.TryAcquireAsync(_resource);
        Assert.Equal("update was cancelled", next!.Previous!.Note);
    }

    [Fact]
    public async Task Parallel_calls_of_one_agent_take_turns_on_one_resource_and_run_together_on_two()
    {
        await using var mesh = service.Client("agent-1");
        var (inside, guards) = (new ConcurrentDictionary<string, int>(), new ConcurrentQueue<Guard?>());
        using var both = new CountdownEvent(2);
        var tool = Tool("update", async (id, stop) =>
        {
            Assert.Equal(1, inside.AddOrUpdate(id, 1, (_, count) => count + 1));
            guards.Enqueue(ProtectedAIFunction.CurrentGuard);
            if (both.CurrentCount > 0)
            {
                both.Signal();
            }
            // Calls that did not run together would wait here for ever.
            await Eventually.HoldsAsync(() => both.IsSet, "two resources are worked on at once");
            await Task.Yield();
            inside.AddOrUpdate(id, 0, (_, count) => count - 1);
            return id;
        }).Protect(mesh, call => $"{call["id"]}");

        var ids = new[] { $"{_resource}-1", $"{_resource}-2", $"{_resource}-1", $"{_resource}-2" };
        var results = await RunAsync(tool, ids, atOnce: true);

        Assert.Equal(ids, results);
        Assert.Equal(4, guards.Distinct().Count());
        Assert.Null(ProtectedAIFunction.CurrentGuard);
        Assert.Empty(mesh.Held);
    }

    [Fact]
    public async Task A_tool_may_need_several_resources_or_none()
    {
        await using var mesh = service.Client("agent-1");
        var seen = new List<Lease?>();
        var tool = Tool("update", (_, _) => { seen.Add(ProtectedAIFunction.CurrentGuard!.Lease); return Task.FromResult("done"); });
        ToolRule several = new() { Resources = call => [$"{call["id"]}-1", new ResourceRequest { Resource = $"{call["id"]}-2", Mode = LockMode.Shared }] };
        ToolRule shared = new() { Resources = call => [new ResourceRequest { Resource = $"{call["id"]}", Mode = LockMode.Shared }], Action = _ => "customer.read" };

        Assert.Equal("done", Assert.Single(await RunAsync(tool.Protect(mesh, several), [_resource])));
        Assert.Equal("done", Assert.Single(await RunAsync(tool.Protect(mesh, shared), [_resource])));
        Assert.Equal("done", Assert.Single(await RunAsync(tool.Protect(mesh), [_resource])));

        Assert.Equal(2, seen[0]!.Resources!.Count);
        Assert.Equal("customer.read", seen[1]!.Grant!.Action);
        Assert.Null(seen[2]);
    }

    [Fact]
    public async Task A_protected_tool_looks_to_the_model_like_the_tool_itself()
    {
        await using var mesh = service.Client("agent-1");
        var tool = Tool("update", (id, _) => Task.FromResult(id));

        var same = tool.Protect(mesh, call => $"{call["id"]}");

        Assert.Equal((tool.Name, tool.Description, tool.JsonSchema.GetRawText()), (same.Name, same.Description, same.JsonSchema.GetRawText()));
        // A real model's arguments are JSON.
        using var arguments = JsonDocument.Parse($$"""{"id":"{{_resource}}"}""");
        Assert.Equal(_resource, $"{await same.InvokeAsync(new() { ["id"] = arguments.RootElement.GetProperty("id") })}");
    }

    private static AIFunction Tool(string name, Func<string, CancellationToken, Task<string>> body) =>
        AIFunctionFactory.Create((string id, CancellationToken stop) => body(id, stop), name, $"Does {name}.");

    /// <summary>One call after the other, or all of one turn; what the model read of each.</summary>
    private static async Task<IReadOnlyList<string>> RunAsync(
        AIFunction tool, string[] ids, CancellationToken cancellationToken = default, bool atOnce = false)
    {
        var results = new List<string>();
        var turns = (atOnce ? [ids] : ids.Select(id => new[] { id })).Select(turn => Turn(tool.Name, turn, results)).ToList();
        using var model = new ScriptedModel([.. turns, conversation => { results.AddRange(ScriptedModel.Results(conversation)); return ScriptedModel.Says("done"); }]);
        await ToolLoop.RunAsync(model, "Go.", [tool], cancellationToken);
        return results;
    }

    private static Func<IReadOnlyList<ChatMessage>, ChatMessage> Turn(string tool, string[] ids, List<string> results) => conversation =>
    {
        results.AddRange(ScriptedModel.Results(conversation));
        return ScriptedModel.Calls([.. ids.Select(id => (tool, new Dictionary<string, object?> { ["id"] = id }))]);
    };

    private Task<ChildProcess> AgentAsync(string agent, string file, TempFolder folder, int rounds, int holdMs, TimeSpan ttl) => ChildProcess.StartAsync(
        "dotnet", [Path.Combine(AppContext.BaseDirectory, "ProtoMesh.ScriptedAgent.dll"), agent, _resource, file, $"{rounds}", $"{holdMs}", $"{ttl.TotalMilliseconds}"], folder.Path,
        environment: new Dictionary<string, string?> { ["PROTOMESH_URL"] = service.Url.ToString() });
}
