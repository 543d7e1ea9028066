using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Redis;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Store;

[Trait("Category", "Slow")]
public sealed class RedisOutages
{
    private const string Count = "return redis.call('HINCRBY', KEYS[1], 'count', 1)";

    [Fact]
    public async Task Without_Redis_the_start_ends_within_seconds_and_says_where_it_looked()
    {
        var port = FreePort.Take(1)[0];
        await using var engine = new RedisEngine($"127.0.0.1:{port},password=secret", TimeProvider.System, NullLogger<RedisEngine>.Instance);
        var watch = Stopwatch.StartNew();
        var failure = await Assert.ThrowsAsync<StoreException>(() => engine.StartAsync(CancellationToken.None));

        Assert.Equal($"Redis at 127.0.0.1:{port} cannot be reached: Connection refused.", failure.Message);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        await Assert.ThrowsAsync<StoreException>(() => RedisReplies.RunAsync(engine, Count));
    }

    [Fact]
    public async Task A_start_that_failed_can_be_repeated()
    {
        await using var server = await RedisServer.StartAsync();
        server.Kill();
        await using var engine = new RedisEngine(server.ConnectionString + ",connectTimeout=200", TimeProvider.System, NullLogger<RedisEngine>.Instance);
        await Assert.ThrowsAsync<StoreException>(() => engine.StartAsync(CancellationToken.None));
        await server.RestartAsync();
        await engine.StartAsync(CancellationToken.None);
        await engine.LoadAsync(0, [Count], CancellationToken.None);

        Assert.Equal(1, (await RedisReplies.RunAsync(engine, Count)).Number);
    }

    [Theory]
    [InlineData(",password=wrong")]
    [InlineData("")]
    public async Task A_refused_password_is_told_at_once(string password)
    {
        await using var server = await RedisServer.StartAsync(settings: ["--requirepass", "right"]);
        var watch = Stopwatch.StartNew();
        var failure = await Assert.ThrowsAsync<StoreException>(() => RedisReplies.StartAsync(server, password));

        Assert.Equal($"Redis at {server.ConnectionString} refused the password; nothing was changed.", failure.Message);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task After_kill_9_calls_fail_fast_and_typed_until_Redis_is_back_with_all_that_was_answered()
    {
        await using var server = await RedisServer.StartAsync(appendOnly: true);
        await using var engine = await RedisReplies.StartAsync(server);
        await engine.LoadAsync(0, [Count], CancellationToken.None);
        Assert.Equal(1, (await RedisReplies.RunAsync(engine, Count)).Number);

        server.Kill();
        for (var call = 0; call < 3; call++)
        {
            var watch = Stopwatch.StartNew();
            var failure = await Assert.ThrowsAsync<StoreException>(() => RedisReplies.RunAsync(engine, Count));
            Assert.Equal("store_unavailable", failure.Code);
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2.5));
        }

        await server.RestartAsync();
        await Eventually.HoldsAsync(() => AnswersAsync(engine), "calls reach the restarted Redis");
        await engine.LoadAsync(0, [Count], CancellationToken.None);
        Assert.Equal(2, (await RedisReplies.RunAsync(engine, Count)).Number);
    }

    [Fact]
    public async Task A_frozen_Redis_costs_each_call_its_time_out_and_no_more()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await RedisReplies.StartAsync(server, ",syncTimeout=300");
        await engine.LoadAsync(0, [Count], CancellationToken.None);
        server.Freeze();
        var watch = Stopwatch.StartNew();
        var failure = await Assert.ThrowsAsync<StoreException>(() => RedisReplies.RunAsync(engine, Count));

        Assert.Equal($"Redis at {server.ConnectionString} did not answer within 0.3 s; whether the call took effect is not known.", failure.Message);
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(2));

        server.Thaw();
        await Eventually.HoldsAsync(() => AnswersAsync(engine), "calls are answered again");
    }

    [Fact]
    public async Task A_full_Redis_is_told_and_nothing_is_changed()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await RedisReplies.StartAsync(server);
        await engine.LoadAsync(0, [Count], CancellationToken.None);
        await RedisReplies.RunAsync(engine, Count);
        await server.SendAsync("CONFIG", "SET", "maxmemory-policy", "noeviction");
        await server.SendAsync("CONFIG", "SET", "maxmemory", "1mb");
        var failure = await Assert.ThrowsAsync<StoreException>(() => RedisReplies.RunAsync(engine, Count));

        Assert.Equal("Redis is out of memory (maxmemory); nothing was changed.", failure.Message);
        Assert.Equal("store_unavailable", failure.Code);
        Assert.Equal("1", (await server.SendAsync("HGET", new PartitionKeys(0).Names[0], "count")).Text);

        await server.SendAsync("CONFIG", "SET", "maxmemory", "0");
        Assert.Equal(2, (await RedisReplies.RunAsync(engine, Count)).Number);
    }

    [Fact]
    public async Task A_replica_is_not_written_to()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await RedisReplies.StartAsync(server);
        await engine.LoadAsync(0, [Count], CancellationToken.None);
        await server.SendAsync("REPLICAOF", "127.0.0.1", $"{FreePort.Take(1)[0]}");
        var failure = await Assert.ThrowsAsync<StoreException>(() => RedisReplies.RunAsync(engine, Count));

        Assert.Equal("store_unavailable", failure.Code);
        Assert.EndsWith("; nothing was changed.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_has_gone_silent_is_replaced()
    {
        await using var server = await RedisServer.StartAsync();
        await using var wire = new SilentWire(server.Port);
        await using var engine = new RedisEngine(
            $"127.0.0.1:{wire.Port},syncTimeout=500", TimeProvider.System, NullLogger<RedisEngine>.Instance);
        await engine.StartAsync(CancellationToken.None);
        await engine.LoadAsync(0, [Count], CancellationToken.None);
        await RedisReplies.RunAsync(engine, Count);
        wire.SwallowWhatIsOpen();
        var failure = await Assert.ThrowsAsync<StoreException>(() => RedisReplies.RunAsync(engine, Count));

        Assert.Contains("did not answer", failure.Message, StringComparison.Ordinal);
        await Eventually.HoldsAsync(() => AnswersAsync(engine), "calls are answered over a new connection", TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Settings_that_may_lose_leases_are_remarked()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await RedisReplies.StartAsync(server);
        await server.SendAsync("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");

        Assert.Equal(
            [
                $"Redis at {server.ConnectionString} evicts keys when its memory is full (maxmemory-policy allkeys-lru), which would lose leases: set it to noeviction.",
                $"Redis at {server.ConnectionString} keeps no append-only file, so its restart loses leases: set appendonly yes.",
            ],
            await engine.WarningsAsync(CancellationToken.None));

        await server.SendAsync("CONFIG", "SET", "maxmemory-policy", "noeviction");
        await server.SendAsync("CONFIG", "SET", "appendonly", "yes");
        Assert.Empty(await engine.WarningsAsync(CancellationToken.None));
    }

    private static async Task<bool> AnswersAsync(RedisEngine engine)
    {
        try
        {
            await engine.RunAsync(Script.Sha(Count), new PartitionKeys(0), ["channel"], CancellationToken.None);
            return true;
        }
        catch (NoScriptException)
        {
            return true;
        }
        catch (StoreException)
        {
            return false;
        }
    }
}
