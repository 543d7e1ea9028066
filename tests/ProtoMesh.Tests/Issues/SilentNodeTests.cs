using System.Diagnostics;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Issues;

/// <summary>Partitions were swept, and their waiters kept alive, one after another: each call to a silent node held up all others by 2 s.</summary>
[Trait("Category", "Slow")]
public sealed class SilentNodeTests
{
    [Fact]
    public async Task A_silent_node_of_a_Cluster_holds_up_no_hand_off_and_drops_no_waiter_of_the_others()
    {
        await using var cluster = await RedisCluster.StartAsync("--cluster-require-full-coverage", "no");
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Redis", cluster.ConnectionString), ("Locks:WaiterLivenessMs", "3000"));
        cluster.Nodes[0].Freeze();
        try
        {
            var (holder, resource) = await HoldOneOfAnotherNodeAsync(server);
            var watch = Stopwatch.StartNew();
            var waiting = server.PostAsync("/v1/locks", new { resource, agent_id = "waiter", wait_ms = 60_000 }, wait: 60);
            while (watch.Elapsed < TimeSpan.FromSeconds(7))
            {
                await Task.Delay(500);
                Assert.Equal(200, (await RenewAsync(server, holder, 3_000)).Status);
                Assert.False(waiting.IsCompleted, "The waiter was dropped.");
            }

            watch.Restart();
            var granted = await waiting;
            Assert.True(granted.Status == 200, granted.ToString());
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4));
        }
        finally
        {
            cluster.Nodes[0].Thaw();
        }
    }

    private static Task<HttpAnswer> RenewAsync(MeshServer server, HttpAnswer holder, int ttlMs) => server.PostAsync(
        $"/v1/locks/{holder.String("lock_id")}/renew", new { fencing_token = holder.Number("fencing_token"), ttl_ms = ttlMs });

    private static async Task<(HttpAnswer Holder, string Resource)> HoldOneOfAnotherNodeAsync(MeshServer server)
    {
        for (var attempt = 0; ; attempt++)
        {
            var resource = $"silent/{attempt}";
            var holder = await server.PostAsync("/v1/locks", new { resource, agent_id = "holder", ttl_ms = 3_000 });
            if (holder.Status == 200)
            {
                return (holder, resource);
            }

            Assert.True(attempt < 20, holder.ToString());
        }
    }
}
