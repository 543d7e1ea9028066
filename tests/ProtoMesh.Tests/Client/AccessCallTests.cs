using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Tests.Client;

/// <summary>What the calls about keys, budgets and approvals put on the wire, and which of them are sent once.</summary>
public sealed class AccessCallTests
{
    public static TheoryData<string, Func<MeshClient, Task>> Calls => new()
    {
        { """POST /v1/keys {"role":"agent","agent_prefix":"billing-","groups":["ops"],"max_ttl_ms":60000,"namespace":"space"}""",
            mesh => mesh.Keys.CreateAsync("agent", new() { AgentPrefix = "billing-", Groups = ["ops"], MaxTtl = TimeSpan.FromMinutes(1) }) },
        { "GET /v1/keys?namespace=space ", mesh => mesh.Keys.ListAsync().GetAsyncEnumerator().MoveNextAsync().AsTask() },
        { "GET /v1/keys/7e57 ", mesh => mesh.Keys.GetAsync("7e57") },
        { """POST /v1/keys/7e57/rotate {"overlap_ms":5000}""", mesh => mesh.Keys.RotateAsync("7e57", TimeSpan.FromSeconds(5)) },
        { "DELETE /v1/keys/7e57 ", mesh => mesh.Keys.RevokeAsync("7e57") },
        { """POST /v1/budgets/reservations {"reservation_id":"res-0001","namespace":"space","agent_id":"tester","budgets":["team","run"],"amount":5,"hold_ms":2000,"run_id":"run-7","metadata":{"why":"test"}}""",
            mesh => mesh.Budgets.ReserveAsync(["team", "run"], 5, new() { ReservationId = "res-0001", Hold = TimeSpan.FromSeconds(2), RunId = "run-7", Metadata = new() { ["why"] = "test" } }) },
        { """POST /v1/budgets/reservations {"reservation_id":"res-0001","namespace":"other","agent_id":"b","budgets":["team"],"estimate":{"model":"gpt-4o-mini","input_tokens":1,"batch":true}}""",
            mesh => mesh.Budgets.ReserveAsync(
                ["team"], new TokenUsage { Model = "gpt-4o-mini", InputTokens = 1, Batch = true }, new() { ReservationId = "res-0001", Namespace = "other", AgentId = "b" }) },
        { "GET /v1/budgets/reservations/res-0001?namespace=space ", mesh => mesh.Budgets.GetAsync("res-0001") },
        { """POST /v1/budgets/reservations/res-0001/commit {"namespace":"space","actual":0}""", mesh => mesh.Budgets.CommitAsync("res-0001", 0) },
        { """POST /v1/budgets/reservations/res-0001/commit {"namespace":"space","actual":9,"usage":{"model":"m","output_tokens":2}}""",
            mesh => mesh.Budgets.CommitAsync("res-0001", new TokenUsage { Model = "m", OutputTokens = 2 }, actual: 9) },
        { """POST /v1/budgets/reservations/res-0001/release {"namespace":"space"}""", mesh => mesh.Budgets.ReleaseAsync("res-0001") },
        { "GET /v1/budgets?namespace=space ", mesh => mesh.Budgets.ListAsync() },
        { "GET /v1/budgets/team-day/usage?namespace=space&key=a%20team ", mesh => mesh.Budgets.UsageAsync("team-day", "a team") },
        { "GET /v1/budgets/team-day/ledger?namespace=space&key=k&reservation_id=res-0001 ",
            mesh => mesh.Budgets.LedgerAsync("team-day", "k", "res-0001").GetAsyncEnumerator().MoveNextAsync().AsTask() },
        { """POST /v1/budgets/team-day/top-up {"namespace":"space","key":"k","amount":7,"reason":"more","top_up_id":"top-0001"}""",
            mesh => mesh.Budgets.TopUpAsync("team-day", 7, "more", "k", "top-0001") },
        { """POST /v1/budgets/team-day/rebuild {"namespace":"space","key":"k"}""", mesh => mesh.Budgets.RebuildAsync("team-day", "k") },
        { "GET /v1/prices ", mesh => mesh.Budgets.PricesAsync() },
        { """POST /v1/approvals {"namespace":"space","agent_id":"tester","action":"deploy","resource":"app/1","metadata":{"v":1},"run_id":"run-7","reason":"release"}""",
            mesh => mesh.Approvals.RequestAsync("deploy", "app/1", new() { Metadata = new() { ["v"] = 1 }, RunId = "run-7", Reason = "release" }) },
        { """POST /v1/approvals {"namespace":"space","agent_id":"tester","action":"deploy","resources":["app/1","app/2"]}""", mesh => mesh.Approvals.RequestAsync("deploy", ["app/1", "app/2"]) },
        { "GET /v1/approvals/app-1 ", mesh => mesh.Approvals.GetAsync("app-1") },
        { "GET /v1/approvals?namespace=space&state=pending&agent_id=a&group=ops&action=deploy ",
            mesh => mesh.Approvals.ListAsync("pending", "a", "ops", "deploy").GetAsyncEnumerator().MoveNextAsync().AsTask() },
        { """POST /v1/approvals/app-1/approve {"comment":"go","metadata":{"v":2},"digest":"d","valid_ms":60000,"approver":"maria"}""",
            mesh => mesh.Approvals.ApproveAsync("app-1", "go", new() { ["v"] = 2 }, "d", TimeSpan.FromMinutes(1), "maria") },
        { """POST /v1/approvals/app-1/deny {"comment":"no"}""", mesh => mesh.Approvals.DenyAsync("app-1", "no") },
        { "POST /v1/approvals/app-1/cancel {}", mesh => mesh.Approvals.CancelAsync("app-1") },
        { """POST /v1/approvals/app-1/revoke {"approver":"maria"}""", mesh => mesh.Approvals.RevokeAsync("app-1", approver: "maria") },
        { """POST /v1/approvals/grants {"namespace":"space","group":"ops","agent_id":"a","action":"deploy","resource":"app/1","condition":"true","expires_in_ms":60000,"uses":3,"comment":"often"}""",
            mesh => mesh.Approvals.GrantAsync(
                "ops", "deploy", TimeSpan.FromMinutes(1), 3, new() { AgentId = "a", Resource = "app/1", Condition = "true", Comment = "often" }) },
        { "GET /v1/approvals/grants?namespace=space ", mesh => mesh.Approvals.GrantsAsync().GetAsyncEnumerator().MoveNextAsync().AsTask() },
        { """POST /v1/approvals/grants/g-1/revoke {"comment":"enough"}""", mesh => mesh.Approvals.RevokeGrantAsync("g-1", "enough") },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_call_is_written_as_documented(string wanted, Func<MeshClient, Task> call)
    {
        string? query = null;
        await using var server = await FaultServer.StartAsync((_, context) =>
        {
            query = context.Request.QueryString.Value;
            return Answers.Problem(context, "not_found");
        });
        await using var mesh = new MeshClient(new() { BaseUrls = [server.Url], AgentId = "tester", Namespace = "space" });

        await Assert.ThrowsAsync<NotFoundException>(() => call(mesh));

        var sent = Assert.Single(server.Requests);
        var (head, body) = (wanted[..wanted.IndexOf(' ', wanted.IndexOf(' ', StringComparison.Ordinal) + 1)], wanted[(wanted.IndexOf(' ', wanted.IndexOf(' ', StringComparison.Ordinal) + 1) + 1)..]);
        Assert.Equal(head, $"{sent.Method} {sent.Path}{query}");
        Assert.True(body.Length == 0 ? sent.Body.Length == 0 : JsonNode.DeepEquals(JsonNode.Parse(body), JsonNode.Parse(sent.Body)), sent.Body);
    }

    [Fact]
    public async Task What_would_be_there_twice_is_sent_once()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Reset(context));
        await using var mesh = server.Client();

        await Assert.ThrowsAsync<UnavailableException>(() => mesh.Keys.CreateAsync("agent"));
        await Assert.ThrowsAsync<UnavailableException>(() => mesh.Keys.RotateAsync("7e57"));
        await Assert.ThrowsAsync<UnavailableException>(() => mesh.Approvals.GrantAsync("ops", "pay", TimeSpan.FromHours(1), 1));

        Assert.Equal(["/v1/keys", "/v1/keys/7e57/rotate", "/v1/approvals/grants"], server.Requests.Select(request => request.Path));
    }

    [Fact]
    public async Task What_has_an_id_is_sent_again_under_the_same_one()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Number % 2 == 1 ? Answers.Reset(context) : Answers.Problem(context, "budget_unknown"));
        await using var mesh = server.Client();

        await Assert.ThrowsAsync<NotFoundException>(() => mesh.Budgets.ReserveAsync(["team"], 5));
        await Assert.ThrowsAsync<NotFoundException>(() => mesh.Budgets.TopUpAsync("team", 5, "more"));

        var bodies = server.Requests.Select(request => request.Body).ToArray();
        Assert.Equal(4, bodies.Length);
        Assert.Equal((bodies[0], bodies[2]), (bodies[1], bodies[3]));
        Assert.Contains("reservation_id", bodies[0], StringComparison.Ordinal);
        Assert.Contains("top_up_id", bodies[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_of_a_budget_has_the_budgets_as_they_stand()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Problem(context, "budget_exceeded", problem => problem with
        {
            Budgets = [new BudgetLine { Name = "team", Cap = 50, Spent = 40, Held = 5, Left = 5 }], RetryAfterMs = 5_000,
        }));
        await using var mesh = server.Client();

        var refusal = await Assert.ThrowsAsync<BudgetExceededException>(() => mesh.Budgets.ReserveAsync(["team"], 6));

        Assert.Equal((true, TimeSpan.FromSeconds(5), 5L), (refusal.Retryable, refusal.RetryAfter, Assert.Single(refusal.Budgets).Left));
        Assert.Single(server.Requests);
    }
}
