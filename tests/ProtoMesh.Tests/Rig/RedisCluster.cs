using System.Globalization;

namespace ProtoMesh.Tests.Rig;

/// <summary>Three masters that share the slots.</summary>
internal sealed class RedisCluster : IAsyncDisposable
{
    private RedisCluster(RedisServer[] nodes) => Nodes = nodes;

    public IReadOnlyList<RedisServer> Nodes { get; }

    public string ConnectionString => string.Join(',', Nodes.Select(node => node.ConnectionString));

    public static async Task<RedisCluster> StartAsync(params string[] settings)
    {
        var nodes = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => RedisServer.StartAsync(cluster: true, settings: settings)));
        var cluster = new RedisCluster(nodes);
        await ChildProcess.RunAsync(
            "redis-cli", ["--cluster", "create", .. nodes.Select(node => node.ConnectionString), "--cluster-yes"], Path.GetTempPath());
        await Eventually.HoldsAsync(cluster.IsCompleteAsync, "every node sees the whole cluster", TimeSpan.FromSeconds(30));
        return cluster;
    }

    public Task EmptyAsync() => Task.WhenAll(Nodes.Select(node => node.EmptyAsync()));

    /// <summary>Moves a slot with its keys from the node that has it to another one.</summary>
    public async Task MoveSlotAsync(string slot)
    {
        var owner = await OwnerAsync(slot);
        var target = Nodes.First(node => node != owner);
        var (from, to) = ((await owner.SendAsync("CLUSTER", "MYID")).Text, (await target.SendAsync("CLUSTER", "MYID")).Text);
        await target.SendAsync("CLUSTER", "SETSLOT", slot, "IMPORTING", from);
        await owner.SendAsync("CLUSTER", "SETSLOT", slot, "MIGRATING", to);
        while ((await owner.SendAsync("CLUSTER", "GETKEYSINSLOT", slot, "100")).Items is { Length: > 0 } keys)
        {
            await owner.SendAsync(["MIGRATE", "127.0.0.1", $"{target.Port}", "", "0", "5000", "KEYS", .. keys.Select(key => key.Text)]);
        }

        await target.SendAsync("CLUSTER", "SETSLOT", slot, "NODE", to);
        await owner.SendAsync("CLUSTER", "SETSLOT", slot, "NODE", to);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
        {
            await node.DisposeAsync();
        }
    }

    private async Task<RedisServer> OwnerAsync(string slot)
    {
        var wanted = long.Parse(slot, CultureInfo.InvariantCulture);
        foreach (var range in (await Nodes[0].SendAsync("CLUSTER", "SLOTS")).Items)
        {
            if (range[0].Number <= wanted && wanted <= range[1].Number)
            {
                return Nodes.Single(node => node.Port == range[2][1].Number);
            }
        }

        throw new InvalidOperationException($"No node has slot {slot}.");
    }

    private async Task<bool> IsCompleteAsync()
    {
        foreach (var node in Nodes)
        {
            var info = (await node.SendAsync("CLUSTER", "INFO")).Text;
            if (!info.Contains("cluster_state:ok", StringComparison.Ordinal) || !info.Contains("cluster_known_nodes:3", StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }
}
