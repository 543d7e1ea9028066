using Npgsql;

namespace ProtoMesh.Tests.Rig;

public sealed class RigTests
{
    [Fact]
    public void Timers_of_the_fake_clock_fire_in_order_at_their_own_time()
    {
        var clock = new FakeClock();
        var start = clock.GetUtcNow();
        var fired = new List<string>();
        void Note(string name) => fired.Add($"{name}@{(clock.GetUtcNow() - start).TotalSeconds}");
        using var once = clock.CreateTimer(_ => Note("once"), null, TimeSpan.FromSeconds(3), Timeout.InfiniteTimeSpan);
        using var often = clock.CreateTimer(_ => Note("often"), null, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(fired);
        clock.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(["often@2", "once@3", "often@4", "often@6"], fired);
        Assert.Equal(start + TimeSpan.FromSeconds(6), clock.GetUtcNow());
        often.Dispose();
        clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(4, fired.Count);
    }

    [Fact]
    public async Task Delays_on_the_fake_clock_end_when_it_is_moved_past_them()
    {
        var clock = new FakeClock();
        var delay = Task.Delay(TimeSpan.FromMinutes(5), clock);
        clock.Advance(TimeSpan.FromMinutes(4));
        Assert.False(delay.IsCompleted);
        clock.Advance(TimeSpan.FromMinutes(1));
        await delay.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Each_test_gets_a_database_of_its_own()
    {
        await using var one = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await using var other = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await one.CreateCommand("CREATE TABLE kept (id int)").ExecuteNonQueryAsync();

        Assert.Equal(1L, await Tables(one).ExecuteScalarAsync());
        Assert.Equal(0L, await Tables(other).ExecuteScalarAsync());
        static NpgsqlCommand Tables(NpgsqlDataSource source) => source.CreateCommand("SELECT count(*) FROM pg_tables WHERE tablename = 'kept'");
    }

    [Fact]
    public async Task A_server_outlives_the_thread_that_asked_for_it()
    {
        var started = new TaskCompletionSource<RedisServer>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => started.SetResult(RedisServer.StartAsync().GetAwaiter().GetResult()));
        thread.Start();
        await using var server = await started.Task;
        thread.Join();

        Assert.Equal("PONG", (await server.SendAsync("PING")).Text);
    }

    [Fact]
    public async Task A_stopped_server_keeps_its_data_with_the_append_only_file()
    {
        await using var server = await RedisServer.StartAsync(appendOnly: true);
        await server.SendAsync("SET", "kept", "yes");
        await server.StopAsync();
        await server.RestartAsync();
        Assert.Equal("yes", (await server.SendAsync("GET", "kept")).Text);
        server.Kill();
        await server.RestartAsync();
        Assert.Equal("yes", (await server.SendAsync("GET", "kept")).Text);
    }

    [Fact, Trait("Category", "Slow")]
    public async Task A_killed_service_comes_back_on_its_port_and_folder()
    {
        await using var server = await MeshServer.StartAsync();
        var url = server.Url;
        server.Kill();
        Assert.True(server.HasExited);
        await server.RestartAsync();
        await server.IsReadyAsync();

        Assert.Equal(url, server.Url);
        Assert.Equal("healthy", (await server.GetAsync("/health")).String("status"));
    }
}
