using System.Globalization;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>What an admin sets for a namespace holds there, and nowhere else.</summary>
[Trait("Category", "Slow")]
public sealed class NamespacesOverHttp
{
    [Theory, ClassData(typeof(Databases))]
    public async Task A_change_names_the_revision_that_it_replaces(string database)
    {
        using var folder = new TempFolder("namespaces");
        await using var keyed = await KeyedServer.StartAsync(("ConnectionStrings:Database", await Databases.CreateAsync(database, folder)));
        var nothing = await keyed.GetAsync(keyed.Root, "/v1/namespaces/red");
        Assert.Equal((200, 0, "\"0\""), (nothing.Status, nothing.Number("revision"), nothing.Headers.ETag!.Tag));
        Assert.Empty((await keyed.GetAsync(keyed.Root, "/v1/namespaces")).Body["namespaces"]!.AsArray());
        Assert.Equal("precondition_required", (await PutAsync(keyed, keyed.Root, "red", new { }, null)).Code);
        var first = await PutAsync(keyed, keyed.Root, "red", new { max_held_leases = 5, requests_per_second = 100, resources = new[] { new { prefix = "customer/", team = "care", labels = new { tier = "gold" } } }, comment = "first" }, "\"0\"");
        Assert.Equal((200, 1, 5, 100, "namespace", "first"), (first.Status, first.Number("revision"), first.Number("max_held_leases"), first.Number("burst"), first.String("counted_in"), first.String("comment")));
        Assert.Contains(KeyedServer.IdOf(keyed.Root), first.String("changed_by"), StringComparison.Ordinal);
        Assert.Equal("precondition_failed", (await PutAsync(keyed, keyed.Root, "red", new { }, "\"0\"")).Code);
        Assert.Equal(2, (await PutAsync(keyed, keyed.Root, "red", new { durability = "fast" }, "\"1\"")).Number("revision"));
        var now = await keyed.GetAsync(keyed.Root, "/v1/namespaces/red");
        Assert.Equal((2, "\"2\"", "fast"), (now.Number("revision"), now.Headers.ETag!.Tag, now.String("durability")));
        Assert.False(now.Body.ContainsKey("max_held_leases"));

        var winners = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => PutAsync(keyed, keyed.Root, "red", new { max_waiters = number }, "\"2\"")));
        Assert.Equal((1, 7), (winners.Count(answer => answer.Status == 200), winners.Count(answer => answer.Code == "precondition_failed")));
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 8).Select(number => PutAsync(keyed, keyed.Root, "red", new { max_waiters = number }, "*"))), answer => Assert.Equal(200, answer.Status));
        Assert.Equal(11, (await keyed.GetAsync(keyed.Root, "/v1/namespaces/red")).Number("revision"));
        await PutAsync(keyed, keyed.Root, "blue", new { }, "*");
        var page = await keyed.GetAsync(keyed.Root, "/v1/namespaces?limit=1");
        Assert.Equal("blue", (string?)page.Body["namespaces"]![0]!["namespace"]);
        var last = await keyed.GetAsync(keyed.Root, $"/v1/namespaces?limit=1&page_token={page.String("next_page_token")}");
        Assert.Equal(("red", false), ((string?)last.Body["namespaces"]![0]!["namespace"], last.Body.ContainsKey("next_page_token")));
    }

    [Fact]
    public async Task Who_is_in_a_namespace_reads_what_holds_there_and_its_admin_leaves_the_limits_as_they_are()
    {
        await using var keyed = await KeyedServer.StartAsync();
        await PutAsync(keyed, keyed.Root, "red", new { max_held_leases = 5, requests_per_second = 1000 }, "*");
        await PutAsync(keyed, keyed.Root, "blue", new { max_held_leases = 6 }, "*");
        foreach (var role in new[] { "viewer", "operator", "auditor", "admin" })
        {
            var reader = await keyed.IssueAsync(new { role, @namespace = "red" });
            Assert.Equal(5, (await keyed.GetAsync(reader, "/v1/namespaces/red")).Number("max_held_leases"));
            Assert.Equal((404, "namespace_unknown"), await RefusalAsync(keyed.GetAsync(reader, "/v1/namespaces/blue")));
            Assert.Equal(["red"], (await keyed.GetAsync(reader, "/v1/namespaces")).Body["namespaces"]!.AsArray().Select(one => (string?)one!["namespace"]));
            if (role != "admin")
            {
                Assert.Equal((403, "forbidden"), await RefusalAsync(PutAsync(keyed, reader, "red", new { }, "*")));
            }
        }

        var admin = await keyed.IssueAsync(new { role = "admin", @namespace = "red" });
        Assert.Equal((404, "namespace_unknown"), await RefusalAsync(PutAsync(keyed, admin, "blue", new { }, "*")));
        foreach (var moved in new object[] { new { }, new { max_held_leases = 6, requests_per_second = 1000 }, new { max_held_leases = 5, requests_per_second = 1001 }, new { max_held_leases = 5, requests_per_second = 1000, max_waiters = 1 } })
        {
            Assert.Equal((403, "forbidden"), await RefusalAsync(PutAsync(keyed, admin, "red", moved, "*")));
        }

        var kept = await PutAsync(keyed, admin, "red", new { max_held_leases = 5, requests_per_second = 1000, resources = new[] { new { prefix = "x/", team = "own" } } }, "\"1\"");
        Assert.Equal((200, 2), (kept.Status, kept.Number("revision")));
    }

    [Fact]
    public async Task What_is_wrong_with_settings_is_named_with_its_rule()
    {
        await using var server = await MeshServer.StartAsync();
        (string Field, object Body)[] wrong =
        [
            ("max_held_leases", new { max_held_leases = -1 }), ("max_waiters", new { max_waiters = 10_000_001 }), ("max_waiters_per_resource", new { max_waiters_per_resource = 100_001 }),
            ("requests_per_second", new { requests_per_second = 0 }), ("burst", new { burst = 5 }), ("burst", new { requests_per_second = 5, burst = 0 }), ("durability", new { durability = "paper" }), ("default_policy", new { default_policy = "Starter" }), ("default_policy", new { default_policy = "" }),
            ("default_policy", new { default_policy = 1 }), ("default_policy", new { default_policy = "team" }),
            ("comment", new { comment = "" }), ("max_waiters", new { max_waiters = "many" }), ("resources[0].prefix", new { resources = new object[] { new { team = "x" } } }),
            ("resources[0].prefix", new { resources = new object?[] { null } }), ("resources[1].prefix", new { resources = new[] { new { prefix = "x/" }, new { prefix = "x/" } } }),
            ("resources[0].team", new { resources = new[] { new { prefix = "x/", team = "" } } }), ("resources[0].labels.a", new { resources = new[] { new { prefix = "x/", labels = new { a = new string('x', 257) } } } }),
            ("resources", new { resources = Enumerable.Range(0, 1_001).Select(number => new { prefix = $"{number}" }) }), ("policy", new { policy = "starter" }),
        ];
        foreach (var (field, body) in wrong)
        {
            Refusals.Names(await KeyedServer.AskAsync(server.Http, null, HttpMethod.Put, "/v1/namespaces/red", body, ("If-Match", "*")), field, field);
        }

        Refusals.Names(await KeyedServer.AskAsync(server.Http, null, HttpMethod.Put, "/v1/namespaces/Red", new { }, ("If-Match", "*")), "namespace", "no namespace");
        Refusals.Names(await KeyedServer.AskAsync(server.Http, null, HttpMethod.Put, "/v1/namespaces/red", new { }, ("If-Match", "1")), "If-Match", "no revision");
        Refusals.Names(await server.GetAsync("/v1/namespaces/Red"), "namespace", "no namespace");
        Refusals.Names(await server.GetAsync("/v1/namespaces?page_token=x"), "page_token", "no token");
        Assert.Equal(0, (await server.GetAsync("/v1/namespaces/red")).Number("revision"));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Beyond_its_leases_and_waiters_a_namespace_is_refused_also_after_a_restart(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        await PutAsync(keyed, keyed.Root, "red", new { max_held_leases = 2, max_waiters = 2, max_waiters_per_resource = 1 }, "*");
        var agent = await keyed.AgentAsync("a", "red");
        Task<HttpAnswer> LockAsync(string resource, string? key = null, int wait = 600_000) => keyed.PostAsync(key ?? agent, "/v1/locks", new { resource, agent_id = "a", wait_ms = wait, ttl_ms = 300_000, detached = true });

        var first = await LockAsync("x/1");
        Assert.Equal((200, 200), (first.Status, (await LockAsync("x/2")).Status));
        await IsLimitedAsync(LockAsync("x/3"), "max_held_leases", 2);
        Assert.Equal(202, (await LockAsync("x/1")).Status);
        await IsLimitedAsync(LockAsync("x/1"), "max_waiters_per_resource", 1);
        var dry = await keyed.PostAsync(agent, "/v1/locks?dry_run=true", new { resource = "x/3", agent_id = "a" });
        await IsLimitedAsync(Task.FromResult(dry), "max_held_leases", 2);
        Assert.Equal(202, (await LockAsync("x/2")).Status);
        await PutAsync(keyed, keyed.Root, "red", new { max_held_leases = 2, max_waiters = 2 }, "*");
        await IsLimitedAsync(LockAsync("x/1"), "max_waiters", 2);
        Assert.Equal(200, (await keyed.PostAsync(await keyed.AgentAsync("a"), "/v1/locks", new { resource = "x/3", agent_id = "a" })).Status);

        await keyed.Server.StopAsync();
        await keyed.Server.RestartAsync();
        await keyed.Server.IsReadyAsync();
        await IsLimitedAsync(LockAsync("x/3"), "max_held_leases", 2);
        await IsLimitedAsync(LockAsync("x/1"), "max_waiters", 2);
        await keyed.PostAsync(agent, $"/v1/locks/{first.String("lock_id")}/release", new { fencing_token = first.Number("fencing_token") });
        await IsLimitedAsync(LockAsync("x/3"), "max_held_leases", 2); // the waiter of x/1 has it now
        await PutAsync(keyed, keyed.Root, "red", new { }, "*");
        Assert.Equal(200, (await LockAsync("x/3")).Status);
    }

    [Fact]
    public async Task A_namespace_says_whose_its_resources_are_and_the_longest_prefix_counts()
    {
        await using var keyed = await KeyedServer.StartAsync(("Policies:Resources:0:Prefix", "customer/"), ("Policies:Resources:0:Team", "configured"));
        await PutAsync(keyed, keyed.Root, "red", new { resources = new object[] { new { prefix = "customer/", team = "same length" }, new { prefix = "customer/vip", team = "care", labels = new { tier = "gold" } } } }, "*");
        Assert.Equal(201, (await keyed.AskAsync(keyed.Root, HttpMethod.Put, "/v1/policies/team?namespace=red", """
            apiVersion: protomesh.dev/policy/v1
            name: team
            rules:
              - id: care
                actions: [read]
                when: "resource.team == 'care' && resource.labels['tier'] == 'gold'"
                effect: allow
            """)).Status);
        await keyed.AskAsync(keyed.Root, HttpMethod.Post, "/v1/policies/team/versions/1/activate?namespace=red", null, ("If-Match", "*"));
        Task<HttpAnswer> CheckAsync(string resource, string space) => keyed.PostAsync(keyed.Root, "/v1/policies/check", new { agent_id = "a", action = "read", resource, @namespace = space });
        var vip = await CheckAsync("customer/vip-1", "red");
        Assert.True(vip.String("decision") == "allow", vip.ToString());
        Assert.Equal("configured", (string?)vip.Body["facts"]!["resource.team"]);
        Assert.Equal("deny", (await CheckAsync("customer/1", "red")).String("decision"));
    }

    [Fact]
    public async Task A_namespace_may_have_all_its_requests_confirmed_by_the_journal()
    {
        var database = await PostgresServer.CreateDatabaseAsync();
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Database", database), ("Journal:TimeoutMs", "1000"));
        Assert.Equal(200, (await KeyedServer.AskAsync(server.Http, null, HttpMethod.Put, "/v1/namespaces/red", new { durability = "journaled" }, ("If-Match", "*"))).Status);
        await using var source = Npgsql.NpgsqlDataSource.Create(database);
        await using var connection = await source.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var command = new Npgsql.NpgsqlCommand("LOCK TABLE journal_events, journal_cursors IN EXCLUSIVE MODE", connection, transaction);
        await command.ExecuteNonQueryAsync();
        Assert.Equal("journal_unavailable", (await server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "a", @namespace = "red" })).Code);
        Assert.Equal("journal_unavailable", (await server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "a", @namespace = "red", durability = "fast" })).Code);
        Assert.Equal(200, (await server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "a" })).Status);
    }

    [Fact]
    public async Task Another_replica_knows_a_change_within_a_second()
    {
        var database = await PostgresServer.CreateDatabaseAsync();
        var redis = await RedisServer.StartAsync();
        (string, string)[] settings = [("ConnectionStrings:Database", database), ("ConnectionStrings:Redis", redis.ConnectionString)];
        await using var one = await MeshServer.StartAsync(settings);
        await using var two = await MeshServer.StartAsync(settings);
        Assert.Equal(200, (await two.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "a" })).Status);
        Assert.Equal(200, (await KeyedServer.AskAsync(one.Http, null, HttpMethod.Put, "/v1/namespaces/default", new { max_held_leases = 1 }, ("If-Match", "*"))).Status);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await Eventually.HoldsAsync(async () => (await two.PostAsync("/v1/locks?dry_run=true", new { resource = "x/2", agent_id = "a" })).Code == "namespace_limit", "the other replica knows the limit");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), string.Create(CultureInfo.InvariantCulture, $"It took {watch.Elapsed}."));
    }

    internal static Task<HttpAnswer> PutAsync(KeyedServer keyed, string key, string space, object body, string? ifMatch) =>
        keyed.AskAsync(key, HttpMethod.Put, $"/v1/namespaces/{space}", body, ifMatch is null ? [] : [("If-Match", ifMatch)]);

    private static async Task<(int Status, string? Code)> RefusalAsync(Task<HttpAnswer> call) => await call is var answer ? (answer.Status, answer.Code) : default;

    private static async Task IsLimitedAsync(Task<HttpAnswer> call, string limit, int value)
    {
        var answer = await call;
        Assert.True((answer.Status, answer.Code) == (429, "namespace_limit"), answer.ToString());
        Assert.Equal((limit, value, true), (answer.String("limit"), answer.Number("limit_value"), (bool)answer.Body["retryable"]!));
        Assert.NotNull(answer.Headers.RetryAfter);
    }
}
