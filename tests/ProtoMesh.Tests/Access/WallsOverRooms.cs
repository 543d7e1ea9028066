using ProtoMesh.Contracts.Access;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>The walls between namespaces under those who work for all of them, and under a whole service.</summary>
public sealed class WallsOverRooms
{
    [Theory, ClassData(typeof(Databases))]
    public async Task What_is_loaded_inside_a_call_of_one_namespace_is_what_is_new_in_all(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var here = await rig.StartAsync();
        var there = await rig.StartAsync();
        var (ring, first, own) = (here.Get<KeyRing>(), await KeyAsync(there, "blue", null), await KeyAsync(there, "red", null));
        await there.Get<NamespaceStore>().TryAddAsync("blue", 0, """{"max_waiters":5}""", null, null, CancellationToken.None);
        await here.Get<KeyLoader>().RefreshAsync(CancellationToken.None);
        var red = new Caller(ring.Keys[own]);
        Assert.Equal("red", red.Namespace);
        Assert.True(ring.Keys.ContainsKey(first) && here.Get<NamespaceBook>().Of("blue").Revision == 1);

        // Each change of red is followed by what blue has done meanwhile.
        var second = await KeyAsync(there, "blue", null);
        var issued = await here.Get<KeyLife>().CreateAsync(new CreateKey { Role = Roles.Viewer }, "red", red, CancellationToken.None);
        Assert.True(ring.Keys.ContainsKey(second) && ring.Keys.ContainsKey(issued.Details.KeyId));
        await there.Get<NamespaceStore>().TryAddAsync("blue", 1, """{"max_waiters":6}""", null, null, CancellationToken.None);
        var (settings, problem) = await here.Get<NamespaceLife>().PutAsync("red", new PutNamespace { Durability = "journaled" }, red, null, CancellationToken.None);
        Assert.True(settings?.Revision == 1, problem?.Detail);
        Assert.Equal((1, 2), (here.Get<NamespaceBook>().Of("red").Revision, here.Get<NamespaceBook>().Of("blue").Revision));
        await ActivateAsync(there, "blue");
        await ActivateAsync(here, "red");
        await here.Get<PolicyLoader>().RefreshAsync(CancellationToken.None);
        Assert.Equal((1, 1), (here.Get<ActivePolicies>().Of("red").Revision, here.Get<ActivePolicies>().Of("blue").Revision));
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Who_is_in_a_namespace_makes_no_key_of_another_although_nobody_asked_before(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.PrepareAsync(null);
        await Assert.ThrowsAsync<InvalidOperationException>(() => KeyAsync(replica, "blue", "red"));
        Assert.Empty(await replica.Get<KeyStore>().ListAsync(null, "", 10, CancellationToken.None));
        var id = await KeyAsync(replica, "blue", null);
        Assert.Null(await replica.Get<KeyStore>().RevokeAsync(id, "red", "test", CancellationToken.None));
        Assert.NotNull(await replica.Get<KeyStore>().RevokeAsync(id, "blue", "test", CancellationToken.None));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_whole_service_lives_on_PostgreSQL_as_an_ordinary_role()
    {
        await using var keyed = await KeyedServer.StartAsync(("ConnectionStrings:Database", await PostgresServer.CreateDatabaseAsync()));
        Assert.DoesNotContain("Row security does not bind", keyed.Server.Log, StringComparison.Ordinal);
        foreach (var space in new[] { "red", "blue" })
        {
            var admin = await keyed.IssueAsync(new { role = "admin", groups = new[] { "ops" }, @namespace = space });
            var (agent, second) = (await IssueAsync(keyed, admin, new { role = "agent", agent_id = $"agent-{space}" }), await IssueAsync(keyed, admin, new { role = "approver", groups = new[] { "ops" } }));
            var settings = await keyed.AskAsync(admin, HttpMethod.Put, $"/v1/namespaces/{space}", new { durability = "journaled" }, ("If-Match", "*"));
            Assert.True(settings.Status == 200, settings.ToString());
            var version = await keyed.AskAsync(admin, HttpMethod.Put, $"/v1/policies/{space}", Document(space));
            Assert.True(version.Status == 201, version.ToString());
            var active = await keyed.AskAsync(admin, HttpMethod.Post, $"/v1/policies/{space}/versions/1/activate", null, ("If-Match", "*"));
            Assert.True(active.Status == 200, active.ToString());

            var held = await keyed.PostAsync(agent, "/v1/locks", new { resource = $"x/{space}", durability = "journaled" });
            Assert.Equal("granted", held.String("state"));
            var asked = await keyed.PostAsync(agent, "/v1/policies/check", new { action = "deploy", resource = $"service/{space}" });
            var id = (string)asked.Body["approval"]!["approval_id"]!;
            Assert.Equal("approved", (await keyed.PostAsync(second, $"/v1/approvals/{id}/approve", new { comment = "go" })).String("state"));
            Assert.Equal("allow", (await keyed.PostAsync(agent, "/v1/policies/check", new { action = "deploy", resource = $"service/{space}", approval_id = id })).String("decision"));
            await Eventually.HoldsAsync(async () => (await keyed.GetAsync(admin, $"/v1/approvals/{id}")).String("state") == "consumed", "the journal tells SQL of the use");
            var granted = await keyed.PostAsync(second, "/v1/approvals/grants", new { group = "ops", action = "deploy", resource = $"service/{space}-2", uses = 1, expires_in_ms = 60_000 });
            Assert.True(granted.Status == 201, granted.ToString());
            Assert.Equal("allow", (await keyed.PostAsync(agent, "/v1/policies/check", new { action = "deploy", resource = $"service/{space}-2" })).String("decision"));
            var reserved = await keyed.PostAsync(agent, "/v1/budgets/reservations", new { reservation_id = Guid.CreateVersion7(), budgets = new[] { "day" }, amount = 2 });
            Assert.True(reserved.Status is 200 or 201, reserved.ToString());
            await Eventually.HoldsAsync(
                async () => (await keyed.GetAsync(admin, "/v1/budgets/day/ledger")).Body["entries"]!.AsArray().Count == 1
                    && (await keyed.GetAsync(admin, "/v1/decisions")).Body["decisions"]!.AsArray().Count >= 3, "ledger and decisions are written");
            var other = space == "red" ? "blue" : "red";
            foreach (var path in new[] { "/v1/events", "/v1/decisions", "/v1/policies", "/v1/keys", "/v1/namespaces", "/v1/approvals", "/v1/approvals/grants" })
            {
                var seen = await keyed.GetAsync(admin, path);
                Assert.True(seen.Status == 200 && seen.Text.Contains(space, StringComparison.Ordinal) && !seen.Text.Contains(other, StringComparison.Ordinal), $"{path}: {seen}");
            }
        }

        var all = await keyed.GetAsync(keyed.Root, "/v1/approvals");
        Assert.Equal(2, all.Body["approvals"]!.AsArray().Count);
    }

    private static string Document(string space) => $$"""
        apiVersion: protomesh.dev/policy/v1
        name: {{space}}
        budgets: { day: { unit: calls, cap: 10, window: { calendar: day, tz: UTC } } }
        rules:
          - { id: humans, actions: [deploy], effect: require_approval, approvers: { group: ops, quorum: 1 } }
          - { id: yes, actions: ["*"], effect: allow }
        """;

    private static async Task<string> IssueAsync(KeyedServer keyed, string admin, object body)
    {
        var answer = await keyed.PostAsync(admin, "/v1/keys", body);
        Assert.True(answer.Status == 201, answer.ToString());
        return answer.String("key");
    }

    private static async Task ActivateAsync(LifeRig.Replica replica, string space)
    {
        var (row, _) = await replica.Store.PutAsync(space, LifeRig.Set(1), null, null, CancellationToken.None);
        var (active, problem) = await replica.Life.ActivateAsync(row, null, null, CancellationToken.None);
        Assert.True(active is not null, problem?.Detail);
    }

    /// <param name="replica">Which one makes it.</param>
    /// <param name="space">Where the key is good.</param>
    /// <param name="by">The namespace of who makes it.</param>
    private static async Task<string> KeyAsync(LifeRig.Replica replica, string space, string? by)
    {
        KeyText.TryRead(KeyText.New(), out var id, out var secret);
        var row = new KeyRow
        {
            KeyId = id.ToString(), Namespace = space, Role = Roles.Admin, Labels = "{}", Sha256 = KeyText.Digest(secret), CreatedBy = "test", CreatedAt = TimeProvider.System.GetUtcNow().UtcDateTime,
        };
        return (await replica.Get<KeyStore>().CreateAsync(row, by, "test", CancellationToken.None)).KeyId;
    }
}
