using System.Text.Json.Nodes;
using ProtoMesh.Tests.Access;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>What a request for a lease has reserved is free again when it ends without one, whoever ends it, and stays held once it is granted.</summary>
[Trait("Category", "Slow")]
public sealed class UnusedReservations
{
    private const string Head = "budgets:\n  calls: { unit: calls, cap: 10, window: lifetime }";
    private const string Rules = "  - { id: pay, actions: [pay], require: { budget: { names: [calls], amount: 4 } } }\n  - { id: more, actions: [pay], require: { budget: { names: [calls], amount: 3 } } }\n  - { id: yes, actions: [\"*\"], effect: allow }";

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_waiter_that_is_cancelled_or_not_granted_in_time_gives_back_what_it_reserved(string store)
    {
        var calls = await PolicyCalls.BeginAsync(store, Rules, Head);
        await calls.AcquireAsync("x/1", action: null, more: new() { ["ttl_ms"] = 60_000 });

        var cancelled = await QueueAsync(calls, "cancelled-by-its-agent", 60_000);
        Assert.Equal(7, await HeldAsync(calls));
        Assert.Equal(200, (await calls.Server.PostAsync($"/v1/locks/{cancelled.String("lock_id")}/cancel")).Status);
        await GivesBackAsync(calls, "cancelled-by-its-agent");

        var seen = await calls.AcquireAsync("x/1", "agent-2", "pay", Waiting("timed-out-in-a-call", 1_000), wait: 20);
        Assert.Equal("lock_timeout", seen.Code);
        await GivesBackAsync(calls, "timed-out-in-a-call");

        await QueueAsync(calls, "timed-out-and-not-seen", 1_000);
        await GivesBackAsync(calls, "timed-out-and-not-seen");

        // Each of the six once, and a client that gives back as well changes nothing.
        await calls.SettleAsync("timed-out-and-not-seen", "release");
        var kinds = (await calls.Server.GetAsync($"/v1/budgets/calls/ledger?namespace={calls.Namespace}")).Body["entries"]!.AsArray().Select(entry => (string)entry!["kind"]!).ToList();
        Assert.Equal((6, 6, 12), (kinds.Count(kind => kind == "reserved"), kinds.Count(kind => kind == "released"), kinds.Count));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task What_was_granted_stays_held_until_its_agent_settles_it_however_its_lease_ends(string store)
    {
        var calls = await PolicyCalls.BeginAsync(store, Rules, Head);
        var before = await calls.AcquireAsync("x/1", action: null);
        var waiter = await QueueAsync(calls, "granted-after-a-wait", 60_000);
        await calls.ReleaseAsync(before);
        var granted = await calls.WaitAsync(waiter, 20);
        Assert.True(granted.String("state") == "granted", granted.ToString());
        Assert.Equal(200, (await calls.Server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/cancel")).Status);

        // The sweeper has gone by since: it has given back what came after.
        await calls.AcquireAsync("x/2", action: null, more: new() { ["ttl_ms"] = 60_000 });
        var other = new PolicyCalls(calls.Server);
        await other.ActivateAsync(Rules, Head);
        await other.AcquireAsync("x/1", action: null);
        await QueueAsync(other, "not-granted-since-then", 1_000);
        await GivesBackAsync(other, "not-granted-since-then");
        Assert.Equal(7, await HeldAsync(calls));
        Assert.Equal("held", await StateAsync(calls, "granted-after-a-wait"));
        await calls.SettleAsync("granted-after-a-wait", "commit", 4);
        Assert.Equal("committed", await StateAsync(calls, "granted-after-a-wait"));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Nothing_is_given_back_that_its_agent_has_settled_or_reserved_by_itself(string store)
    {
        var calls = await PolicyCalls.BeginAsync(store, Rules, Head);
        await calls.AcquireAsync("x/1", action: null, more: new() { ["ttl_ms"] = 60_000 });
        await calls.ReserveAsync(1, "reserved-by-itself", "calls");
        var labels = new JsonObject { ["reservation_id"] = "reserved-by-itself" }; // who says that it is of the request does not make it so
        var waiter = await QueueAsync(calls, "settled-while-waiting", 60_000, ("labels", labels));
        await calls.SettleAsync("settled-while-waiting", "commit", 2);
        Assert.Equal(200, (await calls.Server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/cancel")).Status);
        await Eventually.HoldsAsync(async () => await StateAsync(calls, "settled-while-waiting-2") == "released", "what was not settled is given back");
        Assert.Equal(("committed", "held"), (await StateAsync(calls, "settled-while-waiting"), await StateAsync(calls, "reserved-by-itself")));
        Assert.Equal(1, await HeldAsync(calls));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_grant_that_another_policy_denies_at_its_claim_gives_back_what_was_reserved(string store)
    {
        var calls = await PolicyCalls.BeginAsync(store, Rules, Head);
        var before = await calls.AcquireAsync("x/1", action: null);
        var waiter = await QueueAsync(calls, "denied-at-its-claim", 60_000);
        await calls.ActivateAsync("  - { id: no, actions: [pay], effect: deny }\n  - { id: yes, actions: [\"*\"], effect: allow }", Head);
        await calls.ReleaseAsync(before);
        Assert.Equal("policy_denied", (await calls.WaitAsync(waiter, 20)).Code);
        await GivesBackAsync(calls, "denied-at-its-claim");
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_grant_that_ends_before_anybody_was_told_of_it_gives_back_what_was_reserved(string store)
    {
        var calls = await PolicyCalls.BeginAsync(store, Rules, Head);
        foreach (var (id, end) in new[] { ("cancelled-before-its-claim", "cancel"), ("forced-before-its-claim", "force-release") })
        {
            var before = await calls.AcquireAsync("x/1", action: null);
            var waiter = await QueueAsync(calls, id, 60_000);
            await calls.ReleaseAsync(before);
            Assert.Equal("granted", (await calls.Server.GetAsync($"/v1/locks/{waiter.String("lock_id")}")).String("state"));
            Assert.Equal(7, await HeldAsync(calls));
            var ended = end == "cancel" ? await calls.Server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/cancel")
                : await calls.Server.PostAsync("/v1/resources/force-release", new { resource = "x/1", @namespace = calls.Namespace, reason = "test", immediate = true });
            Assert.True(ended.Status == 200, ended.ToString());
            await GivesBackAsync(calls, id);
        }
    }

    [Theory]
    [InlineData("1")]
    [InlineData("16")]
    public async Task A_waiter_that_ends_gives_back_nothing_of_what_its_labels_name(string partitions)
    {
        await using var server = await MeshServer.StartAsync(("Store:Partitions", partitions));
        var calls = new PolicyCalls(server);
        await calls.ActivateAsync(Rules, Head);
        Assert.Equal(200, (await calls.AcquireAsync("x/0", action: "pay", more: new() { ["request_id"] = "granted-lease" })).Status);
        await calls.ReserveAsync(1, "reserved-by-itself", "calls");
        for (var number = 1; number <= 8; number++)
        {
            await calls.AcquireAsync($"x/{number}", action: null, more: new() { ["ttl_ms"] = 60_000 });
            var body = Waiting($"second-step-{number}", 60_000);
            body["labels"] = new JsonObject { ["reservation_id"] = number % 2 == 0 ? "granted-lease" : "reserved-by-itself" };
            var waiter = await calls.AcquireAsync($"x/{number}", "agent-1", "read", body, wait: 0);
            Assert.True(waiter.Status == 202, waiter.ToString());
            Assert.Equal(200, (await server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/cancel")).Status);
        }

        // What ended later is given back, so the sweeper has been at what ended before.
        var small = new PolicyCalls(server);
        await small.ActivateAsync(Rules, Head);
        await small.AcquireAsync("x/1", action: null);
        await QueueAsync(small, "ends-after-them", 1_000);
        await GivesBackAsync(small, "ends-after-them");
        Assert.Equal((8, "held", "held"), (await HeldAsync(calls), await StateAsync(calls, "granted-lease"), await StateAsync(calls, "reserved-by-itself")));
    }

    [Fact]
    public async Task A_journaled_lease_that_is_taken_back_gives_back_what_it_reserved()
    {
        var database = await PostgresServer.CreateDatabaseAsync();
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Database", database), ("Journal:TimeoutMs", "1000"));
        var calls = new PolicyCalls(server);
        await calls.ActivateAsync(Rules, Head);
        await using var source = Npgsql.NpgsqlDataSource.Create(database);
        await using var connection = await source.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var command = new Npgsql.NpgsqlCommand("LOCK TABLE journal_events, journal_cursors IN EXCLUSIVE MODE", connection, transaction);
        await command.ExecuteNonQueryAsync();
        Assert.Equal("journal_unavailable", (await calls.AcquireAsync("x/1", action: "pay", more: new() { ["durability"] = "journaled", ["request_id"] = "never-confirmed" })).Code);
        await transaction.RollbackAsync();
        await GivesBackAsync(calls, "never-confirmed");
    }

    [Fact]
    public async Task Where_a_resource_and_its_budgets_lie_in_two_partitions_the_amount_is_given_back_too()
    {
        await using var server = await MeshServer.StartAsync(("Store:Partitions", "16"));
        var calls = new PolicyCalls(server);
        await calls.ActivateAsync(Rules, Head);
        foreach (var resource in Enumerable.Range(0, 8).Select(number => $"x/{number}"))
        {
            await calls.AcquireAsync(resource, action: null, more: new() { ["ttl_ms"] = 60_000 });
            var id = $"waits-for-{resource[2..]}";
            var waiter = await calls.AcquireAsync(resource, "agent-1", "pay", Waiting(id, 60_000), wait: 0);
            Assert.Equal(202, waiter.Status);
            Assert.Equal(200, (await server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/cancel")).Status);
            await GivesBackAsync(calls, id);
        }
    }

    [Fact]
    public async Task An_id_of_another_agents_reservation_is_refused_without_a_word_about_it()
    {
        await using var keyed = await KeyedServer.StartAsync();
        foreach (var path in new[] { (HttpMethod.Put, "/v1/policies/test"), (HttpMethod.Post, "/v1/policies/test/versions/1/activate") })
        {
            Assert.True((await keyed.AskAsync(keyed.Root, path.Item1, path.Item2, path.Item1 == HttpMethod.Put ? Documents.With(Rules, Head) : null, ("If-Match", "*"))).Status is 200 or 201);
        }

        var (ada, bob) = (await keyed.AgentAsync("ada"), await keyed.AgentAsync("bob"));
        Task<HttpAnswer> ReserveAsync(string key, string id, int amount) => keyed.PostAsync(key, "/v1/budgets/reservations", new { budgets = new[] { "calls" }, amount, reservation_id = id });
        Assert.Equal((200, 200), ((await ReserveAsync(ada, "reservation-of-ada", 1)).Status, (await ReserveAsync(bob, "reservation-of-bob", 1)).Status));
        var (foreign, own) = (await ReserveAsync(bob, "reservation-of-ada", 1), await ReserveAsync(bob, "reservation-of-bob", 2));
        Assert.Equal((409, "reservation_conflict"), (foreign.Status, foreign.Code));
        Assert.Equal(Said(own), Said(foreign).Replace("of-ada", "of-bob", StringComparison.Ordinal));
        foreach (var call in new[] { keyed.GetAsync(bob, "/v1/budgets/reservations/reservation-of-ada"), keyed.PostAsync(bob, "/v1/budgets/reservations/reservation-of-ada/release", new { }) })
        {
            Assert.Equal((404, "reservation_unknown"), ((await call).Status, (await call).Code));
        }

        static string Said(HttpAnswer answer)
        {
            var body = answer.Body.DeepClone().AsObject();
            body.Remove("trace_id");
            return body.ToJsonString();
        }
    }

    private static JsonObject Waiting(string id, int wait) => new() { ["request_id"] = id, ["wait_ms"] = wait };

    private static async Task<HttpAnswer> QueueAsync(PolicyCalls calls, string id, int wait, params (string Name, JsonNode Value)[] more)
    {
        var body = Waiting(id, wait);
        foreach (var (name, value) in more)
        {
            body[name] = value;
        }

        var queued = await calls.AcquireAsync("x/1", "agent-1", "pay", body);
        Assert.True(queued.Status == 202, queued.ToString());
        return queued;
    }

    private static async Task GivesBackAsync(PolicyCalls calls, string id)
    {
        await Eventually.HoldsAsync(async () => await HeldAsync(calls) == 0, $"what {id} reserved is given back");
        Assert.Equal(("released", "released"), (await StateAsync(calls, id), await StateAsync(calls, $"{id}-2")));
    }

    private static async Task<long> HeldAsync(PolicyCalls calls) => (await calls.Server.GetAsync($"/v1/budgets/calls/usage?namespace={calls.Namespace}")).Number("held");

    private static async Task<string> StateAsync(PolicyCalls calls, string id) => (await calls.Server.GetAsync($"/v1/budgets/reservations/{id}?namespace={calls.Namespace}")).String("state");
}
