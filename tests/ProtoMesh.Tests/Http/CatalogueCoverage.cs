using System.Globalization;
using ProtoMesh.Contracts;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

/// <summary>Each code of the catalogue is answered by a running service when its cause is there.</summary>
[Trait("Category", "Slow")]
public sealed class CatalogueCoverage
{
    /// <summary>It must never be seen.</summary>
    private static readonly string[] NotSeen = ["internal_error"];

    [Fact]
    public async Task Every_code_of_the_catalogue_is_answered_to_its_cause()
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await PostgresServer.CreateDatabaseAsync();
        await using var server = await MeshServer.StartAsync(
            ("ConnectionStrings:Redis", redis.ConnectionString), ("ConnectionStrings:Database", database), ("Locks:MaxQueue", "1"),
            ("Store:Partitions", "4"), ("Journal:TimeoutMs", "1000"));
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        async Task<HttpAnswer> ExpectAsync(string code, Task<HttpAnswer> call)
        {
            var answer = await call;
            Assert.True(answer.Code == code, $"{code} was expected: {answer}");
            Refusals.IsProper(answer, code);
            seen.Add(code);
            return answer;
        }

        var holder = await server.PostAsync("/v1/locks", new { request_id = "coverage-1", resource = "x/1", agent_id = "a", ttl_ms = 300_000 });
        var (path, token) = ($"/v1/locks/{holder.String("lock_id")}", holder.Number("fencing_token"));
        await ExpectAsync("lock_held", server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "b", wait_ms = 0 }));
        await ExpectAsync("mode_conflict", server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "b", mode = "slots", capacity = 2 }));
        await ExpectAsync("request_id_conflict", server.PostAsync("/v1/locks", new { request_id = "coverage-1", resource = "x/1", agent_id = "b" }));
        await ExpectAsync("token_mismatch", server.PostAsync($"{path}/renew", new { fencing_token = token + 1 }));
        await ExpectAsync("not_waiting", server.PostAsync($"{path}/reprioritize", new { priority = 1 }));
        await ExpectAsync("lock_timeout", server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "b", wait_ms = 100 }, wait: 5));
        await server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "b" });
        await ExpectAsync("queue_full", server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "c" }));
        await ExpectAsync("cross_partition", server.PostAsync("/v1/locks", new { resources = Enumerable.Range(0, 30).Select(index => $"y/{index}"), agent_id = "a" }));
        await ExpectAsync("policy_denied", server.PostAsync("/v1/locks", new { resource = "x/9", agent_id = "a", action = "spend", metadata = new { estimated_cost = 500 } }));
        await ExpectAsync("lock_unknown", server.GetAsync("/v1/locks/nobodys-id.0"));
        await ExpectAsync("validation_failed", server.PostAsync("/v1/locks", "{}"));
        await ExpectAsync("malformed_json", server.PostAsync("/v1/locks", "{"));
        await ExpectAsync("not_found", server.GetAsync("/v1/nothing"));
        await ExpectAsync("method_not_allowed", server.Http.AskAsync(HttpMethod.Delete, "/v1/locks"));
        using (var plain = new HttpRequestMessage(HttpMethod.Post, "/v1/locks") { Content = new StringContent("{}") })
        {
            await ExpectAsync("unsupported_media_type", server.Http.AskAsync(plain));
        }

        using (var large = new HttpRequestMessage(HttpMethod.Post, "/v1/locks") { Content = new StringContent(new string(' ', 300_000), null, "application/json") })
        {
            large.Headers.TransferEncodingChunked = true;
            await ExpectAsync("payload_too_large", server.Http.AskAsync(large));
        }

        await ExpectAsync("keys_off", server.GetAsync("/v1/keys"));
        await using (var keyed = await KeyedServer.StartAsync())
        {
            var key = await keyed.AgentAsync("a");
            await ExpectAsync("unauthorized", keyed.GetAsync(null, "/v1/locks"));
            await ExpectAsync("forbidden", keyed.GetAsync(key, "/v1/keys"));
            await ExpectAsync("agent_mismatch", keyed.PostAsync(key, "/v1/locks", new { resource = "x/1", agent_id = "b" }));
            await ExpectAsync("namespace_unknown", keyed.GetAsync(key, "/v1/locks?namespace=other"));
            await keyed.AskAsync(keyed.Root, HttpMethod.Put, "/v1/namespaces/default", new { max_held_leases = 0, requests_per_second = 1 }, ("If-Match", "*"));
            await ExpectAsync("namespace_limit", keyed.PostAsync(keyed.Root, "/v1/locks", new { resource = "x/1", agent_id = "b" }));
            await keyed.GetAsync(key, "/v1/locks");
            await ExpectAsync("rate_limited", keyed.GetAsync(key, "/v1/locks"));
            await ExpectAsync("key_unknown", keyed.GetAsync(keyed.Root, "/v1/keys/0123456789abcdef"));
        }

        await ExpectAsync("policy_invalid", server.PostAsync("/v1/policies/validate", "{}"));
        await ExpectAsync("policy_unknown", server.GetAsync("/v1/policies/nobodys/versions/1"));
        await ExpectAsync("decision_unknown", server.GetAsync($"/v1/decisions/{Guid.NewGuid()}"));
        await ExpectAsync("precondition_required", server.PostAsync("/v1/policies/starter/versions/1/activate"));
        using (var stale = new HttpRequestMessage(HttpMethod.Post, "/v1/policies/starter/versions/1/activate"))
        {
            stale.Headers.TryAddWithoutValidation("If-Match", "\"7\"");
            await ExpectAsync("precondition_failed", server.Http.AskAsync(stale));
        }

        var people = await Approvals.ApprovalCalls.OnAsync(server);
        var approval = await people.ApprovedAsync();
        await ExpectAsync("approval_unknown", people.GetAsync(Guid.NewGuid().ToString()));
        await ExpectAsync("approval_closed", people.DenyAsync(approval, "bob"));
        await ExpectAsync("approval_not_needed", people.CheckAsync(approval, action: "read"));
        await ExpectAsync("not_an_approver", people.ApproveAsync(await people.AskAsync(resource: "x/2"), "agent-1"));
        await ExpectAsync("grant_unknown", server.PostAsync($"/v1/approvals/grants/{Guid.NewGuid()}/revoke", new { approver = "ada" }));

        await BudgetsAsync(server, ExpectAsync);
        await server.PostAsync($"{path}/release", new { fencing_token = token });
        await ExpectAsync("lease_lost", server.PostAsync($"{path}/renew", new { fencing_token = token }));
        await ExpectAsync("lock_ended", server.PostAsync($"{path}/wait", wait: 0));

        await redis.EmptyAsync(); // what the journal knows is gone from the store
        await ExpectAsync("store_recovering", EventuallyAsync(() => server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "a" }), "store_recovering"));
        redis.Kill();
        await ExpectAsync("store_unavailable", EventuallyAsync(() => server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "a" }), "store_unavailable"));
        await ExpectAsync("journal_unavailable", WithoutJournalAsync());
        await ExpectAsync("keys_unavailable", WithoutDatabaseAsync());
        await ExpectAsync("policies_unavailable", WithLostDatabaseAsync("DROP TABLE policy_versions, policy_activations", "/v1/policies"));
        await ExpectAsync("approvals_unavailable", WithLostDatabaseAsync("DROP TABLE approvals", "/v1/approvals"));
        await ExpectAsync("namespaces_unavailable", WithLostDatabaseAsync("DROP TABLE namespaces", "/v1/namespaces"));

        Assert.Equal(ProblemCatalogue.All.Select(kind => kind.Code).Except(NotSeen).Order(StringComparer.Ordinal), seen);
    }

    private static async Task BudgetsAsync(MeshServer server, Func<string, Task<HttpAnswer>, Task<HttpAnswer>> expectAsync)
    {
        var calls = new PolicyCalls(server);
        await calls.ActivateAsync("  - { id: yes, actions: [\"*\"], effect: allow }", "budgets: { day: { unit: usd, cap: 1, window: lifetime } }");
        object Body(string budget, int? amount, string id, object? estimate = null) => new { @namespace = calls.Namespace, agent_id = "a", budgets = new[] { budget }, amount, reservation_id = id, estimate };
        var settle = new { @namespace = calls.Namespace, actual = 1 };
        await expectAsync("budget_exceeded", server.PostAsync("/v1/budgets/reservations", Body("day", 1_000_001, "coverage-1")));
        await expectAsync("budget_unknown", server.PostAsync("/v1/budgets/reservations", Body("night", 1, "coverage-1")));
        await expectAsync("model_unpriced", server.PostAsync("/v1/budgets/reservations", Body("day", null, "coverage-1", new { model = "nobodys", output_tokens = 1 })));
        await expectAsync("reservation_unknown", server.PostAsync("/v1/budgets/reservations/nobodys-id/commit", settle));
        await server.PostAsync("/v1/budgets/reservations", Body("day", 1, "coverage-1"));
        await expectAsync("reservation_conflict", server.PostAsync("/v1/budgets/reservations", Body("day", 2, "coverage-1")));
        await server.PostAsync("/v1/budgets/reservations/coverage-1/release", new { @namespace = calls.Namespace });
        await expectAsync("reservation_settled", server.PostAsync("/v1/budgets/reservations/coverage-1/commit", settle));
    }

    /// <summary>A journal whose rows another session keeps locked cannot confirm a journaled grant.</summary>
    private static async Task<HttpAnswer> WithoutJournalAsync()
    {
        var database = await PostgresServer.CreateDatabaseAsync();
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Database", database), ("Journal:TimeoutMs", "1000"));
        await using var source = Npgsql.NpgsqlDataSource.Create(database);
        await using var connection = await source.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        foreach (var table in new[] { "journal_events", "journal_cursors" })
        {
            await using var command = new Npgsql.NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"LOCK TABLE {table} IN EXCLUSIVE MODE"), connection, transaction);
            await command.ExecuteNonQueryAsync();
        }

        return await server.PostAsync("/v1/locks", new { resource = "x/1", agent_id = "a", durability = "journaled" });
    }

    /// <summary>What is loaded goes on deciding; what has to be looked up is not there.</summary>
    private static async Task<HttpAnswer> WithLostDatabaseAsync(string sql, string path)
    {
        var database = await PostgresServer.CreateDatabaseAsync();
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Database", database));
        await using var source = Npgsql.NpgsqlDataSource.Create(database);
        await using var drop = source.CreateCommand(sql);
        await drop.ExecuteNonQueryAsync();
        return await server.GetAsync(path);
    }

    /// <summary>Whether there are keys was never read, so nobody is let in.</summary>
    private static async Task<HttpAnswer> WithoutDatabaseAsync()
    {
        await using var server = await MeshServer.ListenAsync(("ConnectionStrings:Database", $"Host=127.0.0.1;Port={FreePort.Take(1)[0]};Username=mesh;Timeout=2"));
        return await server.PostAsync("/v1/policies/check", new { agent_id = "a", action = "read" });
    }

    private static async Task<HttpAnswer> EventuallyAsync(Func<Task<HttpAnswer>> call, string code)
    {
        HttpAnswer? answer = null;
        await Eventually.HoldsAsync(async () => (answer = await call()).Code == code, code);
        return answer!;
    }
}
