using System.Diagnostics;
using Microsoft.Data.Sqlite;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>What callers are told while the journal's database is locked, gone or silent, and what they find afterwards.</summary>
[Trait("Category", "Slow")]
public sealed class JournalAway
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_journaled_acquire_that_cannot_be_confirmed_is_taken_back(string store)
    {
        await using var desk = await Desk.OpenAsync(store);
        await using (await desk.LockDatabaseAsync())
        {
            var refused = await desk.AcquireAsync("granted", "taken/1", "journaled");
            Unconfirmed(refused, "the request was cancelled");
            Assert.Equal("released", await desk.StateAsync("granted", refused));
            Assert.Equal(200, (await desk.AcquireAsync("next", "taken/1", "fast")).Status);
        }
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_journaled_waiter_that_cannot_be_confirmed_leaves_the_queue(string store)
    {
        await using var desk = await Desk.OpenAsync(store);
        await desk.AcquireAsync("holder", "taken/2", "fast");
        await using (await desk.LockDatabaseAsync())
        {
            var refused = await desk.AcquireAsync("waiter", "taken/2", "journaled");
            Unconfirmed(refused, "the request was cancelled");
            Assert.Equal("cancelled", await desk.StateAsync("waiter", refused));
            Assert.Equal(0, (await desk.Server.GetAsync("/v1/resources/queue?resource=taken/2")).Number("queue_length"));
        }
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_journaled_claim_that_cannot_be_confirmed_is_taken_back_and_the_next_waiter_has_it(string store)
    {
        await using var desk = await Desk.OpenAsync(store);
        var holder = await desk.AcquireAsync("holder", "taken/3", "fast");
        var waiter = await desk.AcquireAsync("waiter", "taken/3", "journaled");
        Assert.Equal(202, waiter.Status);
        Assert.Equal(202, (await desk.AcquireAsync("next", "taken/3", "fast")).Status);
        await using (await desk.LockDatabaseAsync())
        {
            await desk.CallAsync(holder, "release");
            Unconfirmed(await desk.Server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/wait", wait: 0), "the request was cancelled");
            Assert.Equal("released", await desk.StateAsync("waiter", waiter));
            Assert.Equal("granted", (await desk.AcquireAsync("next", "taken/3", "fast")).String("state"));
        }
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_journaled_lease_of_an_earlier_call_stays_when_a_later_call_cannot_be_confirmed(string store)
    {
        await using var desk = await Desk.OpenAsync(store);
        await using (await desk.LockDatabaseAsync())
        {
            // Its caller goes away before the journal could say anything, so nobody takes it back.
            using var impatient = new HttpClient { BaseAddress = desk.Server.Url, Timeout = TimeSpan.FromMilliseconds(150) };
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient.AskAsync(HttpMethod.Post, "/v1/locks", Desk.Body("mine", "taken/4", "journaled")));
            Unconfirmed(await desk.AcquireAsync("mine", "taken/4", "journaled"), "nothing was changed");
            Assert.Equal(409, (await desk.AcquireAsync("other", "taken/4", "fast", waitMs: 0)).Status);
        }

        // The journal tries again after a pause, which may be longer than this call waits for it.
        await Eventually.HoldsAsync(
            async () => await desk.Answered(desk.AcquireAsync("mine", "taken/4", "journaled")) == ("granted", 200), "the lease is confirmed");
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task The_force_release_of_a_journaled_lease_is_answered_when_the_journal_has_it(string store)
    {
        await using var desk = await Desk.OpenAsync(store);
        Assert.Equal(200, (await desk.AcquireAsync("holder", "taken/5", "journaled")).Status);
        await using (await desk.LockDatabaseAsync())
        {
            var refused = await desk.Server.PostAsync("/v1/resources/force-release", new { resource = "taken/5", reason = "stuck" });
            Unconfirmed(refused, "the release is done but not confirmed");
        }

        await Eventually.HoldsAsync(
            async () => (await desk.Server.GetAsync("/v1/resources/history?resource=taken/5")).Text.Contains("lock.force_released", StringComparison.Ordinal),
            "the history has it");
        await desk.AcquireAsync("holder2", "taken/6", "journaled");
        Assert.Equal(200, (await desk.Server.PostAsync("/v1/resources/force-release", new { resource = "taken/6", reason = "stuck" })).Status);
        Assert.Contains("lock.force_released", (await desk.Server.GetAsync("/v1/resources/history?resource=taken/6")).Text, StringComparison.Ordinal);
    }

    [Theory, InlineData("killed"), InlineData("silent")]
    public async Task Without_PostgreSQL_fast_leases_go_on_and_the_journal_catches_up_without_a_gap(string how)
    {
        await using var redis = await RedisServer.StartAsync();
        await using var postgres = await PostgresServer.StartAsync();
        await using var server = await MeshServer.StartAsync(
            ("ConnectionStrings:Redis", redis.ConnectionString), ("Journal:TimeoutMs", "500"),
            ("ConnectionStrings:Database", postgres.ConnectionString("postgres") + ";Timeout=2"));
        var desk = new Desk(server);
        Assert.Equal(200, (await desk.AcquireAsync("before", "away/before", "journaled")).Status);
        if (how == "killed")
        {
            postgres.Kill();
        }
        else
        {
            postgres.Freeze();
        }

        for (var number = 0; number < 50; number++)
        {
            var watch = Stopwatch.StartNew();
            Assert.Equal(200, (await desk.AcquireAsync($"fast{number}", $"away/{number}", "fast")).Status);
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        }

        for (var number = 0; number < 5; number++)
        {
            var watch = Stopwatch.StartNew();
            Unconfirmed(await desk.AcquireAsync($"journaled{number}", $"away/j{number}", "journaled"), "the request was cancelled");
            Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.4), TimeSpan.FromSeconds(3));
        }

        var asked = Stopwatch.StartNew();
        var health = await server.GetAsync("/health/ready");
        Assert.Equal(503, health.Status);
        Assert.InRange(asked.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4));
        Assert.Matches("cannot be reached|did not answer|refuses", (string)health.Body["database"]!["state"]!);
        Assert.Equal("ok", (string)health.Body["store"]!["state"]!);
        if (how == "killed")
        {
            await postgres.RestartAsync();
        }
        else
        {
            postgres.Thaw();
        }

        await server.IsReadyAsync();
        await Eventually.HoldsAsync(
            async () => (await server.GetAsync("/v1/resources/history?resource=away/j4")).Text.Contains("lock.released", StringComparison.Ordinal),
            "the journal has caught up", TimeSpan.FromSeconds(60));
        var events = (await server.GetAsync("/v1/events?limit=1000&last_event_id=0")).Body["events"]!.AsArray().Select(each => (string)each!["type"]!).ToList();
        Assert.Equal((56, 5), (events.Count(type => type == "lock.granted"), events.Count(type => type == "lock.released")));
        Assert.DoesNotContain("journal.gap", events);
        Assert.Equal(200, (await desk.AcquireAsync("after", "away/after", "journaled")).Status);
        Assert.DoesNotContain("\"LogLevel\":\"Error\",\"Category\":\"ProtoMesh.Server.Http", server.Log, StringComparison.Ordinal);
    }

    private static void Unconfirmed(HttpAnswer answer, string what)
    {
        Refusals.IsProper(answer, what);
        Assert.True((answer.Status, answer.Code) == (503, "journal_unavailable"), answer.ToString());
        Assert.Contains(what, answer.String("detail"), StringComparison.Ordinal);
    }

    /// <summary>A service whose SQLite file a test can lock, and the calls of these tests.</summary>
    private sealed class Desk(MeshServer server, RedisServer? redis = null) : IAsyncDisposable
    {
        public MeshServer Server => server;

        public static async Task<Desk> OpenAsync(string store)
        {
            var redis = store == MeshServers.Redis ? await RedisServer.StartAsync() : null;
            List<(string, string)> settings = [("Journal:TimeoutMs", "500")];
            if (redis is not null)
            {
                settings.Add(("ConnectionStrings:Redis", redis.ConnectionString));
            }

            return new Desk(await MeshServer.StartAsync([.. settings]), redis);
        }

        /// <summary>Nobody else writes to the file until this is disposed.</summary>
        public async Task<IAsyncDisposable> LockDatabaseAsync()
        {
            System.Runtime.CompilerServices.RuntimeHelpers.RunModuleConstructor(typeof(Program).Module.ModuleHandle);
            var connection = new SqliteConnection($"Data Source={Path.Combine(server.Folder, "protomesh.db")};Pooling=False");
            await connection.OpenAsync();
            await using var begin = connection.CreateCommand();
            begin.CommandText = "BEGIN IMMEDIATE";
            await begin.ExecuteNonQueryAsync();
            return connection;
        }

        public Task<HttpAnswer> AcquireAsync(string agent, string resource, string durability, int waitMs = 60_000) =>
            server.PostAsync("/v1/locks", Body(agent, resource, durability, waitMs));

        public static object Body(string agent, string resource, string durability, int waitMs = 60_000) =>
            new { request_id = $"request-{agent}", resource, agent_id = agent, durability, ttl_ms = 300_000, wait_ms = waitMs, detached = waitMs > 0 && agent != "waiter" };

        public Task<HttpAnswer> CallAsync(HttpAnswer lease, string call) =>
            server.PostAsync($"/v1/locks/{lease.String("lock_id")}/{call}", new { fencing_token = lease.Number("fencing_token") });

        public async Task<(string State, int Status)> Answered(Task<HttpAnswer> call) => ((await call).String("state"), (await call).Status);

        public async Task<string> StateAsync(string agent, HttpAnswer answer) => (await server.GetAsync($"/v1/locks/request-{agent}.0")).String("state");

        public async ValueTask DisposeAsync()
        {
            await server.DisposeAsync();
            await (redis?.DisposeAsync() ?? default);
        }
    }
}
