using System.Collections.Concurrent;

namespace ProtoMesh.Tests.Rig;

/// <summary>Servers that tests use one after another, each time empty: started when first needed, kept for the whole run.</summary>
/// <remarks>A test that kills, fills or freezes its server starts one of its own instead.</remarks>
internal static class RedisPool
{
    private static readonly ConcurrentBag<RedisServer> Idle = [];
    private static readonly Lazy<Task<RedisCluster>> Cluster = new(() => RedisCluster.StartAsync());
    private static readonly SemaphoreSlim ClusterTurn = new(1, 1);

    public static async Task<Rented> RentServerAsync()
    {
        var server = Idle.TryTake(out var idle) ? idle : await RedisServer.StartAsync();
        return new Rented(server.ConnectionString, [server.Port], async () =>
        {
            await server.EmptyAsync();
            Idle.Add(server);
        });
    }

    public static async Task<Rented> RentClusterAsync()
    {
        await ClusterTurn.WaitAsync();
        var cluster = await Cluster.Value;
        return new Rented(cluster.ConnectionString, [.. cluster.Nodes.Select(node => node.Port)], async () =>
        {
            await cluster.EmptyAsync();
            ClusterTurn.Release();
        });
    }

    internal sealed class Rented(string connectionString, IReadOnlyList<int> ports, Func<Task> giveBack) : IAsyncDisposable
    {
        private int _isGivenBack;

        public string ConnectionString => connectionString;

        public IReadOnlyList<int> Ports => ports;

        /// <summary>Once: given back twice, a server would be lent to two tests at a time, and one would empty the other's.</summary>
        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _isGivenBack, 1) == 0)
            {
                await giveBack();
            }
        }
    }
}
