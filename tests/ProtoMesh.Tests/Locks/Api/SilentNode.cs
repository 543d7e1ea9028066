using System.Globalization;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>One node of a Cluster is stopped where it is: its connections stay open and it says nothing.</summary>
[Trait("Category", "Slow")]
public sealed class SilentNode
{
    private const int TtlMs = 4_000;

    [Fact(Timeout = 90_000)]
    public async Task The_queues_of_the_other_nodes_move_by_themselves_while_one_node_is_silent()
    {
        await using var cluster = await RedisCluster.StartAsync("--cluster-require-full-coverage", "no");
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Redis", cluster.ConnectionString + ",syncTimeout=1000"));
        var silent = cluster.Nodes[0];
        List<(string Holder, string Waiter)> pairs = [];
        for (var number = 0; pairs.Count < 12; number++)
        {
            // Nobody calls for these waiters: only the sweeper can end the lease before them.
            var holder = await AcquireAsync(server, number, "holder");
            if (await OwnerAsync(cluster, PartitionOf(holder)) != silent.Port)
            {
                pairs.Add((holder, await AcquireAsync(server, number, "waiter")));
            }
        }

        silent.Freeze();
        try
        {
            HashSet<string> open = [.. pairs.Select(pair => pair.Waiter)];
            await Eventually.HoldsAsync(
                async () =>
                {
                    var events = await server.GetAsync("/v1/events?type=lock.granted&limit=1000&last_event_id=0");
                    open.ExceptWith(events.Body["events"]!.AsArray().Select(each => (string)each!["lock_id"]!));
                    return open.Count == 0;
                },
                "every waiter behind an answering node is granted", TimeSpan.FromSeconds(30));
            var all = (await server.GetAsync("/v1/events?limit=1000&last_event_id=0")).Body["events"]!.AsArray();
            foreach (var (holder, waiter) in pairs)
            {
                var held = AtOf(all, holder, "lock.granted");
                Assert.InRange((AtOf(all, waiter, "lock.granted") - held).TotalMilliseconds, TtlMs, TtlMs + 1_000);
            }
        }
        finally
        {
            silent.Thaw();
        }
    }

    private static async Task<string> AcquireAsync(MeshServer server, int number, string agent)
    {
        var answer = await server.PostAsync("/v1/locks", new { resource = $"node/{number}", agent_id = agent, ttl_ms = TtlMs, wait_ms = 600_000, detached = true });
        Assert.True(answer.Status is 200 or 202, answer.ToString());
        return answer.String("lock_id");
    }

    private static int PartitionOf(string lockId) => int.Parse(lockId.Split('.')[1], CultureInfo.InvariantCulture);

    private static async Task<long> OwnerAsync(RedisCluster cluster, int partition)
    {
        var slot = (await cluster.Nodes[0].SendAsync("CLUSTER", "KEYSLOT", new PartitionKeys(partition).Names[0])).Number;
        return (await cluster.Nodes[0].SendAsync("CLUSTER", "SLOTS")).Items.Single(range => range[0].Number <= slot && slot <= range[1].Number)[2][1].Number;
    }

    private static DateTimeOffset AtOf(System.Text.Json.Nodes.JsonArray events, string lockId, string type) =>
        events.Where(each => (string)each!["lock_id"]! == lockId && (string)each["type"]! == type).Select(each => (DateTimeOffset)each!["at"]!).Single();
}
