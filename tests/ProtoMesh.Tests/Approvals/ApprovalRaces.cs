using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>Many at once, on two replicas; and ends at the worst moment.</summary>
[Trait("Category", "Slow")]
public sealed class ApprovalRaces
{
    [Fact]
    public async Task Of_many_uses_on_two_replicas_one_wins()
    {
        await using var pair = await Pair.StartAsync();
        var (one, two) = (pair.One, pair.Two);
        for (var round = 0; round < 10; round++)
        {
            var id = await one.ApprovedAsync(resource: $"service/{round}");
            var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(number =>
                (number % 2 == 0 ? one.Server : two).PostAsync("/v1/policies/check", new { agent_id = "agent-1", action = "deploy", @namespace = one.Namespace, resource = $"service/{round}", approval_id = id, request_id = $"request-{number}" })));
            Assert.Single(answers, answer => answer.String("decision") == "allow");
            Assert.All(answers.Where(answer => answer.String("decision") != "allow"), answer => Assert.Equal("APPROVAL_CONSUMED", ApprovalCalls.ReasonOf(answer)));
        }
    }

    [Fact]
    public async Task Of_a_use_and_a_revocation_at_once_one_wins_and_both_say_the_same()
    {
        await using var pair = await Pair.StartAsync();
        var (used, revoked) = (0, 0);
        for (var round = 0; round < 20; round++)
        {
            var id = await pair.One.ApprovedAsync(resource: $"service/{round}");
            var use = pair.Two.PostAsync("/v1/policies/check", new { agent_id = "agent-1", action = "deploy", @namespace = pair.One.Namespace, resource = $"service/{round}", approval_id = id });
            var end = pair.One.RevokeAsync(id);
            var (isUsed, isRevoked) = ((await use).String("decision") == "allow", (await end).Status == 200);
            Assert.True(isUsed != isRevoked, $"used: {await use}, revoked: {await end}");
            await pair.One.BecomesAsync(id, isUsed ? "consumed" : "revoked");
            (used, revoked) = isUsed ? (used + 1, revoked) : (used, revoked + 1);
        }

        Assert.Equal(20, used + revoked);
    }

    [Fact]
    public async Task Two_replicas_that_are_asked_the_same_open_one_and_count_each_person_once()
    {
        await using var pair = await Pair.StartAsync(ApprovalCalls.Humans.Replace("quorum: 1", "quorum: 3", StringComparison.Ordinal));
        for (var round = 0; round < 5; round++)
        {
            var asked = await Task.WhenAll(Enumerable.Range(0, 12).Select(number => (number % 2 == 0 ? pair.One.Server : pair.Two).PostAsync(
                "/v1/policies/check", new { agent_id = "agent-1", action = "deploy", @namespace = pair.One.Namespace, resource = $"service/{round}" })));
            var id = Assert.Single(asked.Select(answer => (string)answer.Body["approval"]!["approval_id"]!).Distinct());
            var votes = await Task.WhenAll(Enumerable.Range(0, 12).Select(number => (number % 2 == 0 ? pair.One.Server : pair.Two).PostAsync($"/v1/approvals/{id}/approve", new { approver = $"person-{number % 3}" })));
            Assert.All(votes, vote => Assert.True(vote.Status is 200, vote.ToString()));
            var approval = await pair.One.GetAsync(id);
            Assert.Equal(("approved", 3), (approval.String("state"), approval.Body["votes"]!.AsArray().Count));
        }
    }

    [Theory]
    [InlineData(MeshServers.Embedded, false)]
    [InlineData(MeshServers.Embedded, true)]
    [InlineData(MeshServers.Redis, false)]
    [InlineData(MeshServers.Redis, true)]
    public async Task A_crash_between_the_yes_its_use_and_the_lock_loses_and_doubles_nothing(string store, bool postgres)
    {
        await using var redis = store == MeshServers.Redis ? await RedisServer.StartAsync(appendOnly: true) : null;
        var settings = new List<(string, string)>();
        if (redis is not null)
        {
            settings.Add(("ConnectionStrings:Redis", redis.ConnectionString));
        }

        if (postgres)
        {
            settings.Add(("ConnectionStrings:Database", await PostgresServer.CreateDatabaseAsync()));
        }

        await using var server = await MeshServer.StartAsync([.. settings]);
        async Task CrashAsync()
        {
            server.Kill();
            await server.RestartAsync();
            await server.IsReadyAsync();
        }

        var mesh = await ApprovalCalls.OnAsync(server);
        var (id, spent) = (await mesh.ApprovedAsync(), await mesh.ApprovedAsync(resource: "service/2"));
        Assert.Equal("allow", (await mesh.CheckAsync(spent, "request-0", resource: "service/2")).String("decision"));
        await CrashAsync();
        Assert.Equal("APPROVAL_CONSUMED", ApprovalCalls.ReasonOf(await mesh.CheckAsync(spent, resource: "service/2")));
        await mesh.BecomesAsync(spent, "consumed");

        // The use is taken under the request's id; then everything ends before there is a lock.
        Assert.Equal("allow", (await mesh.CheckAsync(id, "request-1")).String("decision"));
        await CrashAsync();
        var other = await mesh.Mesh.AcquireAsync("service/1", action: "deploy", more: new() { ["approval_id"] = id, ["request_id"] = "request-2" });
        Assert.Equal("policy_denied", other.Code);
        var locked = await mesh.Mesh.AcquireAsync("service/1", action: "deploy", more: new() { ["approval_id"] = id, ["request_id"] = "request-1" });
        Assert.True(locked.Status == 200, locked.ToString());
        await CrashAsync();
        var again = await mesh.Mesh.AcquireAsync("service/1", action: "deploy", more: new() { ["approval_id"] = id, ["request_id"] = "request-1" });
        Assert.Equal((200, locked.Number("fencing_token")), (again.Status, again.Number("fencing_token")));
        await mesh.BecomesAsync(id, "consumed");
        Assert.Equal("request-1", (await mesh.GetAsync(id)).String("consumed_by"));
        Assert.Equal(2, (await server.GetAsync($"/v1/events?namespace={mesh.Namespace}&type=approval.consumed")).Body["events"]!.AsArray().Count);
    }

    /// <summary>Two replicas on one Redis and one PostgreSQL.</summary>
    private sealed class Pair(RedisServer redis, MeshServer first, MeshServer second, ApprovalCalls one) : IAsyncDisposable
    {
        public ApprovalCalls One => one;

        public MeshServer Two => second;

        public static async Task<Pair> StartAsync(string rules = ApprovalCalls.Humans)
        {
            var redis = await RedisServer.StartAsync();
            (string, string)[] settings = [("ConnectionStrings:Redis", redis.ConnectionString), ("ConnectionStrings:Database", await PostgresServer.CreateDatabaseAsync())];
            var (first, second) = (await MeshServer.StartAsync(settings), await MeshServer.StartAsync(settings));
            var one = await ApprovalCalls.OnAsync(first, rules);
            await Eventually.HoldsAsync(
                async () => (await second.PostAsync("/v1/policies/check?dry_run=true", new { agent_id = "a", action = "deploy", @namespace = one.Namespace })).String("decision") == "require_approval", "both know the policy");
            return new Pair(redis, first, second, one);
        }

        public async ValueTask DisposeAsync()
        {
            await first.DisposeAsync();
            await second.DisposeAsync();
            await redis.DisposeAsync();
        }
    }
}
