using System.Globalization;
using ProtoMesh.Server.Store;
using StackExchange.Redis;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Store.Embedded;

/// <summary>The same random commands, through the same Lua, on the embedded engine and on a real redis-server.</summary>
public sealed class DifferentialTests(ITestOutputHelper output)
{
    private const int CommandsPerScript = 50;
    private const int Scripts = 2000;

    /// <summary>ARGV is a sequence of commands, each behind its length; a reply is written as text, the same on both.</summary>
    private const string RunCommands =
        """
        local function text_of(value)
          local kind = type(value)
          if kind == 'string' then return '$' .. value end
          if kind == 'number' then return ':' .. string.format('%.0f', value) end
          if kind == 'boolean' then return value and 'true' or '_' end
          if value.err then return '!' .. value.err end
          if value.ok then return '+' .. value.ok end
          local parts = {}
          for index = 1, #value do parts[index] = text_of(value[index]) end
          return '[' .. table.concat(parts, ', ') .. ']'
        end
        local replies, next_argument = {}, 1
        while ARGV[next_argument] do
          local count = tonumber(ARGV[next_argument])
          local words = {}
          for index = 1, count do words[index] = ARGV[next_argument + index] end
          replies[#replies + 1] = text_of(redis.pcall(unpack(words)))
          next_argument = next_argument + count + 1
        end
        return replies
        """;

    [Theory]
    [InlineData(1)]
    [InlineData(20261121)]
    public async Task Every_command_answers_as_redis_7_does(int seed)
    {
        output.WriteLine($"seed {seed}");
        await using var redis = await RedisServer.StartAsync();
        await using var engine = await EngineHarness.InMemoryAsync();
        var keys = new PartitionKeys(0);
        CommandGenerator.Keys.CopyTo(keys.Names, 0);
        await engine.LoadAsync(0, [RunCommands], CancellationToken.None);
        var generator = new CommandGenerator(seed);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var script = 0; script < Scripts; script++)
        {
            var commands = Enumerable.Range(0, CommandsPerScript).Select(_ => generator.Next()).ToArray();
            var arguments = commands.SelectMany(words => words.Prepend($"{words.Length}")).ToArray();
            var ours = await engine.RunAsync(Script.Sha(RunCommands), keys, arguments, CancellationToken.None);
            var theirs = (string[])await redis.Connection.GetDatabase().ScriptEvaluateAsync(
                RunCommands, [.. keys.Names.Select(key => (RedisKey)key)], [.. arguments.Select(text => (RedisValue)text)]);
            for (var index = 0; index < commands.Length; index++)
            {
                var (expected, actual) = (theirs[index], ours[index].Text);
                if (Normal(commands[index], expected) != Normal(commands[index], actual))
                {
                    Assert.Fail($"seed {seed}, script {script}: {string.Join(' ', commands[index])}\nredis:    {expected}\nembedded: {actual}");
                }

                seen.Add($"{commands[index][0].ToUpperInvariant()} {(expected[0] == '!' ? "fails" : "answers")}");
            }
        }

        Assert.Empty(
            "HGET HMGET HSET HDEL HEXISTS HLEN ZADD ZREM ZSCORE ZMSCORE ZCARD ZCOUNT ZRANK ZRANGE ZRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZLEXCOUNT XADD XRANGE XREVRANGE XTRIM XLEN DEL EXISTS TYPE PUBLISH TIME"
                .Split(' ').SelectMany(name => new[] { $"{name} answers", $"{name} fails" }).Except(seen));
    }

    /// <summary>Two clocks do not tell the same time: of TIME, the digits are ignored.</summary>
    private static string Normal(string[] command, string reply) =>
        command is [var name] && name.Equals("TIME", StringComparison.OrdinalIgnoreCase)
            ? string.Concat(reply.Where(letter => !char.IsDigit(letter)))
            : reply;
}
