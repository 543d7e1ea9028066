using ProtoMesh.Contracts.Access;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Access;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>What decides in a namespace where no policy was activated is a setting of the namespace.</summary>
public sealed class DefaultPolicyTests
{
    [Theory, ClassData(typeof(Databases))]
    public async Task A_namespace_is_decided_by_its_default_as_long_as_nothing_is_activated_there(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await SetAsync(replica, BuiltInPolicy.DenyAll);
        Assert.Equal(("deny-all", 1, 0L), (replica.Active.Set.Name, replica.Active.Version, replica.Active.Revision));
        Assert.Equal("starter", replica.Get<ActivePolicies>().Of("another").Set.Name);
        var page = await ListAsync(replica);
        Assert.Equal(("deny-all", 1, 0L, replica.Active.Set.Sha256), (page.Active.Name, page.Active.Version, page.Active.Revision, page.Active.Sha256));
        Assert.Equal(("deny-all", 1, 0L), (page.Loaded.Name, page.Loaded.Version, page.Loaded.Revision));

        await replica.ActivateAsync(1);
        Assert.Equal(("cap", 1L, "cap"), (replica.Active.Set.Name, replica.Active.Revision, (await ListAsync(replica)).Active.Name));
        await SetAsync(replica, null);
        Assert.Equal("cap", replica.Active.Set.Name);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_replica_that_starts_never_decides_by_the_starter_where_the_default_is_to_deny(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var first = await rig.PrepareAsync(null);
        await SetAsync(first, BuiltInPolicy.DenyAll);
        await first.ExecuteAsync("ALTER TABLE namespaces RENAME TO away");

        // Nobody but the policies' own loader runs: whoever else reads the settings may do so later.
        var next = await rig.StartAsync(("Policies:RefreshMs", "50"));
        await Eventually.HoldsAsync(() => next.Log.Of(Microsoft.Extensions.Logging.LogLevel.Warning).Any(), "it is said that the settings cannot be read");
        Assert.Equal("policies_unavailable", Assert.Throws<StoreException>(() => next.Active).Code);
        await first.ExecuteAsync("ALTER TABLE away RENAME TO namespaces");
        await Eventually.HoldsAsync(() => next.Get<ActivePolicies>().IsLoaded, "the policies are loaded");
        Assert.Equal("deny-all", next.Active.Set.Name);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Another_replica_follows_the_default_within_a_second(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var (one, other) = (await rig.StartAsync(), await rig.StartAsync());
        await other.StartAsync<KeyLoader>();
        var waits = new List<TimeSpan>();
        foreach (var name in new[] { BuiltInPolicy.DenyAll, BuiltInPolicy.Starter, BuiltInPolicy.DenyAll, null })
        {
            await SetAsync(one, name);
            Assert.Equal(name ?? "starter", one.Active.Set.Name);
            Assert.Equal(name ?? "starter", (await ListAsync(other)).Active.Name); // what the database says, also before this replica decides by it
            waits.Add(await Eventually.HoldsAsync(() => other.Active.Set.Name == (name ?? "starter"), $"the other replica decides by {name ?? "the starter"}"));
        }

        Assert.True(waits.Min() < TimeSpan.FromSeconds(1), $"It took {string.Join(", ", waits)}."); // the slower ones wait for this machine
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Deny_all_is_activated_to_stop_everything_and_left_again(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await replica.ActivateAsync(1);
        var stop = await replica.Life.FindAsync(LifeRig.Space, "deny-all", 1, CancellationToken.None);
        Assert.Null(await replica.Life.FindAsync(LifeRig.Space, "deny-all", 2, CancellationToken.None));
        var (active, problem) = await replica.Life.ActivateAsync(stop!, "ada", 1, CancellationToken.None);
        Assert.Equal((null, "deny-all", 2L, "ada"), (problem, active!.Name, active.Revision, active.By));
        Assert.Equal(("deny-all", 2L), (replica.Active.Set.Name, replica.Active.Revision));
        var next = await rig.StartAsync();
        Assert.Equal(("deny-all", 2L), (next.Active.Set.Name, next.Active.Revision));
        await replica.ActivateAsync(1);
        Assert.Equal(("cap", 3L), (replica.Active.Set.Name, replica.Active.Revision));
    }

    [Fact]
    public async Task A_default_that_this_version_does_not_know_denies()
    {
        await using var rig = await LifeRig.OpenAsync(Databases.Sqlite);
        var first = await rig.PrepareAsync(null);
        Assert.NotNull(await first.Get<NamespaceStore>().TryAddAsync(LifeRig.Space, 0, """{"default_policy":"of-tomorrow"}""", null, null, CancellationToken.None));
        Assert.Equal("deny-all", (await rig.StartAsync()).Active.Set.Name);
    }

    [Fact]
    public async Task Deny_all_denies_whoever_asks_for_whatever_and_says_who_can_change_it()
    {
        var denyAll = BuiltInPolicies.Named("deny-all")!.Set;
        await using var desk = await PolicyDesk.OpenAsync("embedded", denyAll.Source);
        foreach (var (action, resource) in new[] { ("read", null), ("customer.update", "customer/1"), ("a.b.c", "x/y") })
        {
            var decision = (await desk.AskAsync(action, resource, """{"estimated_cost":0,"agent_role":"admin","agent_team":"admin"}""")).Decision;
            Assert.Equal(("deny", "deny-all", "DENY_ALL"), (decision.Decision, decision.Reasons.Single().Rule, decision.Reasons.Single().Code));
            Assert.Contains($"so is {action}: the policy deny-all decides here", decision.Reason, StringComparison.Ordinal);
            Assert.EndsWith("an operator or an admin of the namespace can activate another policy.", decision.Reason, StringComparison.Ordinal);
        }
    }

    [Theory, Trait("Category", "Slow"), ClassData(typeof(Databases))]
    public async Task An_admin_of_a_namespace_has_it_denied_until_a_policy_is_activated_also_over_a_restart(string database)
    {
        using var folder = new TempFolder("default-policy");
        await using var keyed = await KeyedServer.StartAsync(("ConnectionStrings:Database", await Databases.CreateAsync(database, folder)));
        var (admin, operates) = (await keyed.IssueAsync(new { role = "admin", @namespace = "red" }), await keyed.IssueAsync(new { role = "operator", @namespace = "red" }));
        var agent = await keyed.AgentAsync("a", "red");
        Task<HttpAnswer> CheckAsync(string key) => keyed.PostAsync(key, "/v1/policies/check", new { agent_id = "a", action = "read" });
        var held = await keyed.PostAsync(agent, "/v1/locks", new { resource = "x/1", agent_id = "a", action = "read", ttl_ms = 60_000 });
        Assert.Equal((200, "starter"), (held.Status, (string?)held.Body["decision"]?["policy"]?["name"]));
        Assert.Equal("starter", (await keyed.GetAsync(admin, "/v1/namespaces/red")).String("default_policy"));

        Assert.Equal("forbidden", (await NamespacesOverHttp.PutAsync(keyed, operates, "red", new { default_policy = "deny-all" }, "*")).Code);
        var set = await NamespacesOverHttp.PutAsync(keyed, admin, "red", new { default_policy = "deny-all" }, "\"0\"");
        Assert.Equal((200, "deny-all", 1), (set.Status, set.String("default_policy"), set.Number("revision")));
        async Task IsDeniedAsync()
        {
            var denied = await CheckAsync(agent);
            Assert.True(denied.String("decision") == "deny", denied.ToString());
            Assert.Equal(("deny-all", 1, "deny-all"), ((string?)denied.Body["policy"]!["name"], (int)denied.Body["policy"]!["version"]!, (string?)denied.Body["reasons"]![0]!["rule"]));
            Assert.Equal((403, "policy_denied"), (await keyed.PostAsync(agent, "/v1/locks", new { resource = "x/2", agent_id = "a", action = "read" })) is var asked ? (asked.Status, asked.Code) : default);
        }

        await IsDeniedAsync();
        Assert.Equal("allow", (await CheckAsync(await keyed.AgentAsync("a"))).String("decision")); // of another namespace
        Assert.Equal(200, (await keyed.PostAsync(agent, $"/v1/locks/{held.String("lock_id")}/renew", new { fencing_token = held.Number("fencing_token") })).Status);
        var list = await keyed.GetAsync(operates, "/v1/policies?namespace=red");
        Assert.Equal(("\"0\"", "deny-all", "deny-all"), (list.Headers.ETag!.Tag, (string?)list.Body["active"]!["name"], (string?)list.Body["loaded"]!["name"]));
        Assert.True((bool)(await keyed.GetAsync(operates, "/v1/policies/deny-all/versions/1?namespace=red")).Body["active"]!);

        await keyed.Server.StopAsync();
        await keyed.Server.RestartAsync();
        await keyed.Server.IsReadyAsync();
        await IsDeniedAsync();
        Assert.Equal(200, (await keyed.AskAsync(operates, HttpMethod.Post, "/v1/policies/starter/versions/1/activate?namespace=red", null, ("If-Match", "\"0\""))).Status);
        Assert.Equal("allow", (await CheckAsync(agent)).String("decision"));
    }

    private static async Task SetAsync(LifeRig.Replica replica, string? name)
    {
        var (settings, problem) = await replica.Get<NamespaceLife>().PutAsync(LifeRig.Space, new PutNamespace { DefaultPolicy = name }, Caller.Anybody, null, CancellationToken.None);
        Assert.Equal((null, name ?? "starter"), (problem, settings!.DefaultPolicy));
    }

    private static Task<PolicyPage> ListAsync(LifeRig.Replica replica) => replica.Life.ListAsync(LifeRig.Space, null, 10, last => last, CancellationToken.None);
}
