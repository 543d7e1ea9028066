using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Redis;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Store;

public sealed class RedisReplies
{
    [Fact]
    public async Task Texts_pass_as_UTF8_in_both_directions()
    {
        const string text = "größe/😀/{x}\n\"'\\";
        var reply = await RunAsync("return {ARGV[1], ARGV[2], string.len(ARGV[2])}", text);

        Assert.Equal(text, reply[1].Text);
        Assert.Equal(Encoding.UTF8.GetByteCount(text), reply[2].Number);
    }

    [Fact]
    public async Task Integers_texts_nil_and_status_are_read_inside_a_list()
    {
        var reply = await RunAsync("return {1, '1', false, '', -9007199254740991, redis.status_reply('fine')}");

        Assert.Equal("[1, 1, nil, , -9007199254740991, fine]", reply.ToString());
        Assert.Equal([false, false, true, false, false, false], reply.Items.Select(item => item.IsNull));
        Assert.Equal(-9007199254740991, reply[4].Number);
    }

    [Fact]
    public async Task Lists_may_hold_lists()
    {
        var reply = await RunAsync("return {'a', {}, {1, {'b', false}}}");

        Assert.Equal("[a, [], [1, [b, nil]]]", reply.ToString());
    }

    [Theory]
    [InlineData("return false", "nil")]
    [InlineData("return 42", "42")]
    [InlineData("return 'text'", "text")]
    [InlineData("return {}", "[]")]
    public async Task A_reply_need_not_be_a_list(string script, string expected) =>
        Assert.Equal(expected, (await RunAsync(script)).ToString());

    [Fact]
    public async Task An_unknown_script_is_reported_and_never_sent_as_text()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await StartAsync(server);

        await Assert.ThrowsAsync<NoScriptException>(() => RunAsync(engine, "return 1"));
        await engine.LoadAsync(0, ["return 1"], CancellationToken.None);
        Assert.Equal(1, (await RunAsync(engine, "return 1")).Number);

        var calls = (await server.SendAsync("INFO", "commandstats")).Text;
        Assert.Contains("cmdstat_evalsha:calls=2", calls, StringComparison.Ordinal);
        Assert.DoesNotContain("cmdstat_eval:", calls, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mistake_in_a_script_is_told_without_its_text()
    {
        var failure = await Assert.ThrowsAsync<StoreException>(() => RunAsync("return redis.call('LPUSH', KEYS[1]) -- a secret of the house"));

        Assert.Equal("store_unavailable", failure.Code);
        Assert.Equal("Redis could not run a script of this service (ERR); whether the call took effect is not known.", failure.Message);
    }

    [Fact]
    public async Task A_cancelled_call_ends_at_once()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await StartAsync(server);
        await engine.LoadAsync(0, ["return 1"], CancellationToken.None);
        using var cancellation = new CancellationTokenSource();
        server.Freeze();
        var call = RunAsync(engine, "return 1", cancellation.Token);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        server.Thaw();
    }

    internal static async Task<RedisEngine> StartAsync(RedisServer server, string more = "")
    {
        var engine = new RedisEngine(server.ConnectionString + more, TimeProvider.System, NullLogger<RedisEngine>.Instance);
        await engine.StartAsync(CancellationToken.None);
        return engine;
    }

    internal static async Task<Reply> RunAsync(RedisEngine engine, string script, CancellationToken cancellationToken = default) =>
        await engine.RunAsync(Script.Sha(script), new PartitionKeys(0), ["channel"], cancellationToken);

    private static async Task<Reply> RunAsync(string script, params string[] arguments)
    {
        await using var store = await TestStore.OpenAsync(StoreBackends.Redis);
        await store.Scripts.Engine.LoadAsync(0, [script], CancellationToken.None);
        return await store.Scripts.Engine.RunAsync(Script.Sha(script), new PartitionKeys(0), ["channel", .. arguments], CancellationToken.None);
    }
}
