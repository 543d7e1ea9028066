using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Embedded;

namespace ProtoMesh.Tests.Store.Embedded;

public sealed class LuaTests : IAsyncLifetime
{
    private readonly LogLines _log = new();
    private EmbeddedEngine _engine = null!;

    public Task InitializeAsync()
    {
        _engine = EmbeddedEngine.InMemory(new SteppedTime(new DateTimeOffset(2026, 11, 21, 6, 30, 0, TimeSpan.Zero).AddTicks(1_234_560)), _log);
        return _engine.StartAsync(CancellationToken.None);
    }

    public async Task DisposeAsync() => await _engine.DisposeAsync();

    [Theory]
    [InlineData("return 'text'", "text")]
    [InlineData("return 'π' .. ARGV[1]", "πé")]
    [InlineData("return 42", "42")]
    [InlineData("return 3.99", "3")]
    [InlineData("return -3.99", "-3")]
    [InlineData("return 9007199254740993", "9007199254740993")]
    [InlineData("return nil", "nil")]
    [InlineData("return", "nil")]
    [InlineData("return false", "nil")]
    [InlineData("return true", "1")]
    [InlineData("return {1, 'two', {3, false}, true, nil, 'behind a nil'}", "[1, two, [3, nil], 1]")]
    [InlineData("return {}", "[]")]
    [InlineData("return redis.status_reply('fine')", "fine")]
    [InlineData("return {ok = 'fine'}", "fine")]
    [InlineData("return redis.call('TYPE', KEYS[1])", "none")]
    [InlineData("return redis.call('TYPE', KEYS[1]).ok", "none")]
    [InlineData("return redis.call('HGET', KEYS[1], 'missing') == false", "1")]
    [InlineData("return {redis.call('HMGET', KEYS[1], 'a', 'b')[2] == false, redis.call('HLEN', KEYS[1]) == 0}", "[1, 1]")]
    [InlineData("return math.floor(redis.call('HSET', KEYS[1], 'a', '1') / 1) .. ''", "1")]
    [InlineData("return redis.pcall('HGET', KEYS[1]).err", "ERR Wrong number of args calling Redis command from script")]
    [InlineData("return redis.pcall('HGETALL', KEYS[1]).err", "ERR Unknown Redis command called from script")]
    [InlineData("return redis.pcall().err", "ERR Please specify at least one argument for this redis.call() call")]
    [InlineData("return redis.pcall('HGET', KEYS[1], {}).err", "ERR Lua redis lib command arguments must be strings or integers")]
    [InlineData("local ok, failure = pcall(redis.call, 'HGET', KEYS[1]) return {ok, failure.err}", "[nil, ERR Wrong number of args calling Redis command from script]")]
    [InlineData("return redis.error_reply('MINE with words').err", "MINE with words")]
    [InlineData("redis.call('HSET', KEYS[1], 1, 2.0, 3, 0.1, 4, 1e20) return redis.call('HMGET', KEYS[1], '1', '3', '4')", "[2, 0.10000000000000001, 1e+20]")]
    [InlineData("return unpack({'a', 'b'}) .. select('#', unpack({1, 2, 3}))", "a3")]
    [InlineData("return redis.call('TIME')", "[1795242600, 123456]")]
    [InlineData("return #KEYS .. KEYS[1] .. #ARGV", "8protomesh:{p0}:meta1")]
    [InlineData("return #string.rep('x', 100000)", "100000")]
    [InlineData("local t = {} for i = 1, 5000 do t[i] = 'm' .. i end return redis.call('HDEL', KEYS[1], unpack(t))", "0")]
    public async Task Values_are_converted_as_in_redis(string script, string expected) =>
        Assert.Equal(expected, (await _engine.RunAsync(script, "é")).ToString());

    [Theory]
    [InlineData("return undefined_name", "Script attempted to access nonexistent global variable 'undefined_name'")]
    [InlineData("undefined_name = 1", "Attempt to modify a readonly table: undefined_name")]
    [InlineData("string = nil", "Attempt to modify a readonly table: string")]
    [InlineData("redis.call = nil", "Attempt to modify a readonly table: call")]
    [InlineData("string.format = nil", "Attempt to modify a readonly table: format")]
    [InlineData("return io", "nonexistent global variable 'io'")]
    [InlineData("return os", "nonexistent global variable 'os'")]
    [InlineData("return require", "nonexistent global variable 'require'")]
    [InlineData("return load", "nonexistent global variable 'load'")]
    [InlineData("return dofile", "nonexistent global variable 'dofile'")]
    [InlineData("return debug", "nonexistent global variable 'debug'")]
    [InlineData("return _G", "nonexistent global variable '_G'")]
    [InlineData("return redis.call('HGET', 'protomesh:{p1}:meta', 'a')", "Script attempted to access the key 'protomesh:{p1}:meta', which is not in KEYS")]
    [InlineData("return redis.call('EXISTS', KEYS[1], 'other')", "Script attempted to access the key 'other', which is not in KEYS")]
    [InlineData("redis.call('HSET', KEYS[1], 'a', '1') return redis.call('ZCARD', KEYS[1])", "WRONGTYPE Operation against a key holding the wrong kind of value")]
    [InlineData("error('with a secret')", "script:1: with a secret")]
    [InlineData("error({1})", "table: ")]
    [InlineData("return {1, {err = 'ERR inside'}}", "ERR inside")]
    [InlineData("return redis.error_reply('plain')", "ERR plain")]
    [InlineData("local t = {} t[1] = t return t", "The script's reply is nested too deeply.")]
    [InlineData("local function f() return 1 + f() end return f()", "stack overflow")]
    public async Task A_failure_is_told_in_the_log_and_not_to_the_caller(string script, string details)
    {
        var failure = await Assert.ThrowsAsync<StoreException>(() => _engine.RunAsync(script));
        Assert.Equal("store_unavailable", failure.Code);
        Assert.Equal("The store could not carry the request out, and changed nothing. The server's log says why.", failure.Message);
        Assert.Null(failure.InnerException);
        Assert.Contains(details, Assert.Single(_log.Lines), StringComparison.Ordinal);
        Assert.Equal("alive", (await _engine.RunAsync("return 'alive'")).Text);
    }

    [Fact]
    public async Task A_text_that_does_not_compile_is_refused()
    {
        await Assert.ThrowsAsync<StoreException>(() => _engine.LoadAsync(0, ["return ("], CancellationToken.None));
        Assert.Contains("unexpected symbol", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_that_is_not_loaded_leads_to_recovery() =>
        await Assert.ThrowsAsync<NoScriptException>(() => _engine.RunAsync(new byte[20], EngineHarness.Keys, [], CancellationToken.None).AsTask());

    [Theory]
    [InlineData(1)]
    [InlineData(20261121)]
    public async Task A_script_that_fails_at_any_point_leaves_nothing_behind(int seed)
    {
        const string run =
            """
            local at = 2
            while ARGV[at] do
              local count = tonumber(ARGV[at])
              local words = {}
              for index = 1, count do words[index] = ARGV[at + index] end
              redis.pcall(unpack(words))
              at = at + count + 1
            end
            if ARGV[1] == 'fail' then error('half-way') end
            """;
        const string dump =
            """
            local parts = {}
            for index = 1, #KEYS do
              local kind = redis.call('TYPE', KEYS[index]).ok
              parts[#parts + 1] = kind
              if kind == 'hash' then
                for _, value in ipairs(redis.call('HMGET', KEYS[index], 'a', 'b', 'c', 'ü', '\1', '', '7', 'a b')) do
                  parts[#parts + 1] = value or '-'
                end
                parts[#parts + 1] = redis.call('HLEN', KEYS[index])
              elseif kind == 'zset' then
                for _, value in ipairs(redis.call('ZRANGE', KEYS[index], '0', '-1', 'WITHSCORES')) do parts[#parts + 1] = value end
              elseif kind == 'stream' then
                for _, entry in ipairs(redis.call('XRANGE', KEYS[index], '-', '+')) do
                  parts[#parts + 1] = entry[1] .. table.concat(entry[2], '/')
                end
              end
            end
            return table.concat(parts, '|')
            """;
        var keys = new PartitionKeys(0);
        CommandGenerator.Keys.CopyTo(keys.Names, 0);
        await _engine.LoadAsync(0, [run, dump], CancellationToken.None);
        var generator = new CommandGenerator(seed);
        var (before, filled) = ("", 0);
        for (var step = 0; step < 3000; step++)
        {
            var fails = step % 3 != 0;
            var words = Enumerable.Range(0, 8).Select(_ => generator.Next()).SelectMany(command => command.Prepend($"{command.Length}"));
            try
            {
                await _engine.RunAsync(Script.Sha(run), keys, [fails ? "fail" : "keep", .. words], CancellationToken.None);
                Assert.False(fails);
            }
            catch (StoreException) when (fails)
            {
                Assert.True(before == await DumpAsync(), $"seed {seed}, step {step}");
            }

            before = await DumpAsync();
            filled = Math.Max(filled, before.Length);
        }

        Assert.True(filled > 500);

        async Task<string> DumpAsync() => (await _engine.RunAsync(Script.Sha(dump), keys, [], CancellationToken.None)).Text;
    }

    [Fact]
    public async Task An_event_id_of_a_failed_script_is_given_again()
    {
        await _engine.RunAsync("redis.call('XADD', KEYS[6], '1-*', 'e', '')");
        await Assert.ThrowsAsync<StoreException>(() => _engine.RunAsync("redis.call('XADD', KEYS[6], '9-9', 'e', '') error('half-way')"));
        Assert.Equal("1-1", (await _engine.RunAsync("return redis.call('XADD', KEYS[6], '1-*', 'e', '')")).Text);
    }

    [Fact]
    public async Task Messages_are_delivered_after_the_run_and_not_at_all_when_it_fails()
    {
        var heard = new List<string>();
        await _engine.ListenAsync(["here"], (channel, text) =>
        {
            // Another thread gets in: the lock is not held any more.
            Assert.True(Task.Run(() => _engine.RunAsync("return 1")).Wait(TimeSpan.FromSeconds(10)));
            heard.Add($"{channel} {text}");
        }, () => { }, CancellationToken.None);
        await _engine.ListenAsync(["here"], (_, _) => throw new InvalidOperationException("a listener's own mistake"), () => { }, CancellationToken.None);
        Assert.Equal("[2, 0]", (await _engine.RunAsync("return {redis.call('PUBLISH', 'here', 'é'), redis.call('PUBLISH', 'elsewhere', 'x')}")).ToString());
        await Assert.ThrowsAsync<StoreException>(() => _engine.RunAsync("redis.call('PUBLISH', 'here', 'lost') error('x')"));
        await _engine.RunAsync("redis.call('PUBLISH', 'here', 'again')");
        Assert.Equal(["here é", "here again"], heard);
        Assert.Equal(2, _log.Lines.Count(line => line.StartsWith("Error A listener of channel here failed", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Partitions_do_not_share_keys()
    {
        await _engine.LoadAsync(0, [EngineHarness.Write, "return redis.call('HGET', KEYS[2], 'a')"], CancellationToken.None);
        var values = new List<string>();
        foreach (var partition in Enumerable.Range(0, 4))
        {
            await _engine.RunAsync(Script.Sha(EngineHarness.Write), new PartitionKeys(partition), ["a", $"{partition}"], CancellationToken.None);
        }

        foreach (var partition in Enumerable.Range(0, 4))
        {
            values.Add((await _engine.RunAsync(Script.Sha("return redis.call('HGET', KEYS[2], 'a')"), new PartitionKeys(partition), [], CancellationToken.None)).Text);
        }

        Assert.Equal(["0", "1", "2", "3"], values);
    }

    [Fact]
    public async Task Every_script_of_the_service_compiles()
    {
        await _engine.LoadAsync(0, [.. Script.All.Values.Select(script => script.Text(1))], CancellationToken.None);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task A_stopped_engine_says_so()
    {
        await _engine.DisposeAsync();
        Assert.Equal("The embedded store is not open.", (await Assert.ThrowsAsync<StoreException>(() => _engine.RunAsync("return 1"))).Message);
        await InitializeAsync();
    }

    private sealed class SteppedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
