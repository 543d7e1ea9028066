using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>What the client sends, and what it makes of answers that the real service does not give on demand.</summary>
public sealed class PolicyFaultTests
{
    private static readonly PolicyDecision Allow = new()
    {
        DecisionId = "0198c",
        Decision = PolicyVerdict.Allow,
        Allowed = true,
        Reason = "All policies passed",
        Policy = new PolicyReference { Name = "starter", Version = 1, Sha256 = "00" },
        Reasons = [],
        Facts = new Dictionary<string, string>(),
        AuditOnly = [],
    };

    [Fact]
    public async Task A_check_is_repeated_under_the_same_id_and_the_next_has_another()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Number switch
        {
            1 => Answers.Reset(context),
            2 => Answers.Problem(context, "store_unavailable"),
            _ => Decide(context, Allow),
        });
        await using var mesh = server.Client();

        await mesh.Policies.CheckAsync("refund", "customer/123", new() { ["estimated_cost"] = 5.25m });
        await mesh.Policies.CheckAsync("refund");

        var requests = server.Requests.ToArray();
        Assert.Equal(4, requests.Length);
        Assert.Single(requests[..3].Select(request => request.Body).Distinct());
        Assert.NotEqual(requests[2].RequestId, requests[3].RequestId);
        Assert.Equal('7', requests[0].RequestId[12]);
        var body = JsonNode.Parse(requests[0].Body)!.AsObject();
        body.Remove("request_id");
        Assert.Equal("""{"agent_id":"tester","action":"refund","resource":"customer/123","metadata":{"estimated_cost":5.25}}""", body.ToJsonString());
    }

    [Fact]
    public async Task Each_question_of_a_batch_keeps_its_own_id()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Number == 1
            ? Answers.Reset(context)
            : Answers.Json(context, 200, new PolicyDecisions { Results = [new() { Decision = Allow }, new() { Decision = Allow }] }, PoliciesJson.Default.PolicyDecisions));
        await using var mesh = server.Client();

        Assert.Equal(2, (await mesh.Policies.CheckBatchAsync(["refund", "refund"])).Count);

        var bodies = server.Requests.Select(request => request.Body).Distinct().ToArray();
        var ids = JsonNode.Parse(Assert.Single(bodies))!["checks"]!.AsArray().Select(check => (string)check!["request_id"]!).ToArray();
        Assert.Equal(2, ids.Distinct().Count());
    }

    [Fact]
    public async Task A_guarded_action_is_one_request_for_a_lease_and_one_release()
    {
        await using var server = await FaultServer.StartAsync(Grant);
        await using var mesh = server.Client();

        await using (var guard = await mesh.GuardAsync("refund", "customer/123", new() { Action = "read", Metadata = new() { ["estimated_cost"] = 5 } }))
        {
            Assert.True(guard.Granted);
        }

        var requests = server.Requests.ToArray();
        Assert.Equal(["/v1/locks", "/v1/locks/request-1.0/release"], requests.Select(request => request.Path));
        var body = JsonNode.Parse(requests[0].Body)!;
        Assert.Equal(("refund", """{"estimated_cost":5}"""), ((string)body["action"]!, body["metadata"]!.ToJsonString()));
        Assert.Equal("""{"fencing_token":100}""", requests[1].Body);
    }

    [Fact]
    public async Task A_release_that_fails_does_not_cost_the_result_of_what_was_done_under_the_lease()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Path == "/v1/locks" ? Grant(request, context) : Answers.Problem(context, "malformed_json"));
        await using var mesh = server.Client();

        await using var guard = await mesh.GuardAsync("refund", "customer/123");
        Assert.Equal(7, await guard.RunAsync(_ => Task.FromResult(7)));

        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task An_action_that_outlives_its_lease_is_told_so_by_its_own_clock()
    {
        var clock = new FakeClock();
        await using var server = await FaultServer.StartAsync(Grant);
        await using var mesh = server.Client(clock);

        await using var guard = await mesh.GuardAsync("refund", "customer/123", new() { AutoRenew = false });
        await Assert.ThrowsAsync<LeaseLostException>(() => guard.RunAsync(stop =>
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            return Task.FromResult(stop.IsCancellationRequested);
        }));

        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_failure_of_its_own_is_not_hidden_by_the_loss_of_the_lock()
    {
        var clock = new FakeClock();
        await using var server = await FaultServer.StartAsync(Grant);
        await using var mesh = server.Client(clock);

        await using var guard = await mesh.GuardAsync("refund", "customer/123", new() { AutoRenew = false });
        await Assert.ThrowsAsync<InvalidDataException>(() => guard.RunAsync(_ =>
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            throw new InvalidDataException("The store refused the token.");
        }));
    }

    [Fact]
    public async Task A_denial_says_who_may_approve_and_when_a_rate_has_room_again()
    {
        var reason = new PolicyReason { Rule = "pace", Code = "PACE", Effect = "rate", Message = "Used up.", At = "p.yaml:1:1" };
        PolicyDecision[] denials =
        [
            Allow with { Decision = PolicyVerdict.Deny, Allowed = false, Reason = "Used up.", Reasons = [reason with { RetryAfterMs = 1_000 }, reason with { RetryAfterMs = 3_000 }] },
            Allow with { Decision = PolicyVerdict.RequireApproval, Allowed = false, Approval = new PolicyApproval { Group = "ops", Quorum = 1, ExpiresInMs = 1 } },
        ];
        await using var server = await FaultServer.StartAsync((request, context) => Decide(context, denials[request.Number - 1]));
        await using var mesh = server.Client();

        await using var full = await mesh.GuardAsync("refund");
        await using var open = await mesh.GuardAsync("refund");

        Assert.Equal((true, TimeSpan.FromSeconds(3)), (full.Denial!.Retryable, full.Denial.RetryAfter));
        Assert.Equal("Not done: refund. Used up. Read the reasons; each says what would change the answer. Try again in about 3 s.", full.Text);
        Assert.Equal((false, null), (open.Denial!.Retryable, open.Denial.RetryAfter));
        Assert.Contains("the group ops has to approve", open.Text, StringComparison.Ordinal);
    }

    private static Task Decide(HttpContext context, PolicyDecision decision) => Answers.Json(context, 200, decision, PoliciesJson.Default.PolicyDecision);

    private static Task Grant(FaultServer.Request request, HttpContext context) => request.Path == "/v1/locks"
        ? Answers.Grant(context, Answers.Granted())
        : Answers.Release(context);
}
