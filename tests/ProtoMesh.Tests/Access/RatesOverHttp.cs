using System.Diagnostics;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>How many calls a second the keys of a namespace may make.</summary>
[Trait("Category", "Slow")]
public sealed class RatesOverHttp
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task Beyond_its_burst_a_call_is_refused_and_told_when_to_come_again(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        var (viewer, other) = (await keyed.IssueAsync(new { role = "viewer", @namespace = "red" }), await keyed.IssueAsync(new { role = "viewer", @namespace = "blue" }));
        Assert.False((await keyed.GetAsync(viewer, "/v1/locks")).Headers.Contains("RateLimit"));
        await NamespacesOverHttp.PutAsync(keyed, keyed.Root, "red", new { requests_per_second = 1, burst = 3 }, "*");
        for (var left = 2; left >= 0; left--)
        {
            var inside = await keyed.GetAsync(viewer, "/v1/locks");
            Assert.Equal((200, "\"namespace\";q=3;w=3", $"\"namespace\";r={left};t={3 - left}"), (inside.Status, inside.Headers.GetValues("RateLimit-Policy").Single(), inside.Headers.GetValues("RateLimit").Single()));
        }

        // Also what the key may not do counts, and what is not there.
        foreach (var path in new[] { "/v1/locks", "/v1/keys", "/v1/nothing" })
        {
            var refused = await keyed.GetAsync(viewer, path);
            Assert.True((refused.Status, refused.Code) == (429, "rate_limited"), refused.ToString());
            Assert.Equal(("requests_per_second", 1), (refused.String("limit"), refused.Number("limit_value")));
            Assert.InRange(refused.Number("retry_after_ms"), 1, 1_000);
            Assert.Equal((TimeSpan.FromSeconds(1), "\"namespace\";r=0;t=3"), (refused.Headers.RetryAfter!.Delta, refused.Headers.GetValues("RateLimit").Single()));
        }

        Assert.Equal((200, 200, 401), ((await keyed.GetAsync(other, "/v1/locks")).Status, (await keyed.GetAsync(keyed.Root, "/v1/locks?namespace=red")).Status, (await keyed.GetAsync("x", "/v1/locks")).Status));
        await Eventually.HoldsAsync(async () => (await keyed.GetAsync(viewer, "/v1/locks")).Status == 200, "there is one again");
    }

    [Fact]
    public async Task Two_replicas_have_one_limit()
    {
        var database = await PostgresServer.CreateDatabaseAsync();
        var redis = await RedisServer.StartAsync();
        (string, string)[] settings = [("ConnectionStrings:Database", database), ("ConnectionStrings:Redis", redis.ConnectionString)];
        await using var keyed = await KeyedServer.StartAsync(settings);
        await using var second = await MeshServer.StartAsync([("Auth:BootstrapKey", keyed.Root), .. settings]);
        var viewer = await keyed.IssueAsync(new { role = "viewer", @namespace = "red" });
        const int PerSecond = 100, Ahead = 5, Replicas = 2;
        await NamespacesOverHttp.PutAsync(keyed, keyed.Root, "red", new { requests_per_second = PerSecond }, "*");
        await Eventually.HoldsAsync(async () => (await KeyedServer.AskAsync(second.Http, viewer, HttpMethod.Get, "/v1/locks")).Headers.Contains("RateLimit"), "the other replica knows the limit");
        var watch = Stopwatch.StartNew();
        var (inside, refused) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async lane =>
        {
            while (watch.Elapsed < TimeSpan.FromSeconds(3))
            {
                var answer = await KeyedServer.AskAsync(lane % 2 == 0 ? keyed.Server.Http : second.Http, viewer, HttpMethod.Get, "/v1/locks?limit=1");
                _ = answer.Status switch
                {
                    200 => Interlocked.Increment(ref inside),
                    429 => Interlocked.Increment(ref refused),
                    _ => throw new InvalidOperationException(answer.ToString()),
                };
            }
        }));
        var most = PerSecond + (PerSecond * watch.Elapsed.TotalSeconds) + (Ahead * Replicas);
        Assert.True(inside <= most, $"{inside} calls in {watch.Elapsed}, at most {most}");
        Assert.True(inside >= PerSecond * 3 * 0.8, $"{inside} calls in {watch.Elapsed}, {refused} refused");
        Assert.True(refused > 100, $"{refused} refused");
    }

    [Fact]
    public async Task A_store_that_is_away_limits_nobody_who_does_not_need_it()
    {
        var redis = await RedisServer.StartAsync();
        await using var keyed = await KeyedServer.StartAsync(("ConnectionStrings:Redis", redis.ConnectionString));
        var admin = await keyed.IssueAsync(new { role = "admin", @namespace = "red" });
        await NamespacesOverHttp.PutAsync(keyed, keyed.Root, "red", new { requests_per_second = 1, burst = 1 }, "*");
        Assert.Equal((200, 429), ((await keyed.GetAsync(admin, "/v1/keys")).Status, (await keyed.GetAsync(admin, "/v1/keys")).Status));
        redis.Kill();
        await Eventually.HoldsAsync(async () => (await keyed.GetAsync(admin, "/v1/locks")).Code == "store_unavailable", "the store is away");
        Assert.Equal((200, 200, 200), ((await keyed.GetAsync(admin, "/v1/keys")).Status, (await keyed.GetAsync(admin, "/v1/keys")).Status, (await keyed.GetAsync(admin, "/v1/keys")).Status));
    }
}
