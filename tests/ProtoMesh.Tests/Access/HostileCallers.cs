using System.Buffers.Text;
using System.Diagnostics;
using System.Text;
using ProtoMesh.Server.Access;
using ProtoMesh.Tests.Rig;
using StackExchange.Redis;

namespace ProtoMesh.Tests.Access;

/// <summary>Ways around the keys that were looked for; each of these was open once, or is the kind that opens again.</summary>
[Trait("Category", "Slow")]
public sealed class HostileCallers
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_page_token_tells_an_agent_nothing_of_others(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        var (owner, nosy) = (await keyed.AgentAsync("a"), await keyed.AgentAsync("b"));
        var ids = new List<string>();
        for (var number = 0; number < 4; number++)
        {
            ids.Add($"request-of-a-{number}");
            await keyed.PostAsync(owner, "/v1/locks", new { resource = "x/1", request_id = ids[^1], session_id = "session-of-a", wait_ms = 60_000 });
        }

        foreach (var (list, count) in new[] { ("/v1/locks?limit=1", 4), ("/v1/resources/queue?resource=x/1&limit=1", 3) })
        {
            var (token, seen) = ("", 0);
            do
            {
                var page = await keyed.GetAsync(nosy, $"{list}{(token.Length > 0 ? $"&page_token={token}" : "")}");
                Assert.True(page.Status == 200, page.ToString());
                seen += (page.Body["locks"] ?? page.Body["waiting"])!.AsArray().Count;
                token = (string?)page.Body["next_page_token"] ?? "";
                var told = page.Text + Decoded(token);
                Assert.All([.. ids, "session-of-a"], secret => Assert.DoesNotContain(secret, told, StringComparison.Ordinal));
                if (token.Length > 0)
                {
                    var other = list.StartsWith("/v1/locks", StringComparison.Ordinal) ? "/v1/resources" : "/v1/locks";
                    Assert.Equal("validation_failed", (await keyed.GetAsync(nosy, $"{other}?page_token={token}")).Code);
                    Assert.Equal("validation_failed", (await keyed.GetAsync(nosy, $"{list}&page_token={token[..^2]}AA")).Code);
                }
            }
            while (token.Length > 0);
            Assert.Equal(count, seen);
        }

        static string Decoded(string token)
        {
            var all = new StringBuilder();
            for (var text = token; text.Length > 0;)
            {
                text = Base64Url.IsValid(text) ? Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)) : "";
                all.Append(text);
                text = text.Split('\n')[^1];
            }

            return all.ToString();
        }
    }

    [Fact]
    public async Task A_stream_ends_with_the_secret_that_opened_it()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var old = await keyed.IssueAsync(new { role = "viewer" });
        var leaked = await ListenAsync(keyed.Server, old);
        var rotated = (await keyed.PostAsync(keyed.Root, $"/v1/keys/{KeyedServer.IdOf(old)}/rotate", new { overlap_ms = 2_000 })).String("key");
        var kept = await ListenAsync(keyed.Server, rotated);
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.False(leaked.IsCompleted); // the overlap is not over
        await leaked.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(401, (await keyed.GetAsync(old, "/v1/events")).Status);
        Assert.False(kept.IsCompleted);
        Assert.Equal(200, (await keyed.AskAsync(keyed.Root, HttpMethod.Delete, $"/v1/keys/{KeyedServer.IdOf(old)}")).Status);
        await kept.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_stream_that_was_opened_while_the_service_was_open_ends_with_the_first_key()
    {
        await using var server = await MeshServer.StartAsync();
        var stranger = await ListenAsync(server, null);
        await using var command = await MeshServer.TryAsync(server.Folder, ["keys", "bootstrap"]);
        Assert.Equal(0, await command.ExitAsync());
        await stranger.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(401, (await server.GetAsync("/v1/events")).Status);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Who_waits_with_a_key_that_is_revoked_meanwhile_gets_nothing(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        var (holder, fired, next) = (await keyed.AgentAsync("a"), await keyed.AgentAsync("b"), await keyed.AgentAsync("c"));
        var held = await keyed.PostAsync(holder, "/v1/locks", new { resource = "x/1" });
        var waiting = keyed.AskAsync(fired, HttpMethod.Post, "/v1/locks", new { resource = "x/1", request_id = "of-the-fired", wait_ms = 60_000 }, ("Prefer", "wait=30"));
        await Eventually.HoldsAsync(async () => (await keyed.GetAsync(holder, "/v1/resources/queue?resource=x/1")).Number("queue_length") == 1, "it waits");
        await keyed.AskAsync(keyed.Root, HttpMethod.Delete, $"/v1/keys/{KeyedServer.IdOf(fired)}");
        await keyed.PostAsync(holder, $"/v1/locks/{held.String("lock_id")}/release", new { fencing_token = held.Number("fencing_token") });
        var answer = await waiting;
        Assert.True((answer.Status, answer.Code) == (401, "unauthorized"), answer.ToString());
        Assert.DoesNotContain("fencing_token", answer.Text, StringComparison.Ordinal);

        // What was granted and never claimed goes on to the next.
        var after = await keyed.AskAsync(next, HttpMethod.Post, "/v1/locks", new { resource = "x/1", wait_ms = 60_000 }, ("Prefer", "wait=30"));
        Assert.True(after.Status == 200, after.ToString());
    }

    [Fact]
    public async Task Where_the_database_is_is_no_strangers_business()
    {
        var port = FreePort.Take(1)[0];
        await using var server = await MeshServer.ListenAsync(("ConnectionStrings:Database", $"Host=127.0.0.1;Port={port};Username=mesh;Timeout=2"));
        foreach (var path in new[] { "/health", "/v1/locks", "/v1/nothing" })
        {
            foreach (var header in new[] { "X-Forwarded-For", "Forwarded", "x-real-ip" })
            {
                var answer = await KeyedServer.AskAsync(server.Http, null, HttpMethod.Get, path, null, (header, "203.0.113.7"));
                Assert.True((answer.Status, answer.Code) == (503, "keys_unavailable"), answer.ToString());
                Assert.DoesNotContain("127.0.0.1", answer.Text, StringComparison.Ordinal);
                Assert.DoesNotContain($"{port}", answer.Text, StringComparison.Ordinal);
            }
        }

        Assert.Contains($"{port}", (await server.GetAsync("/v1/locks")).String("detail"), StringComparison.Ordinal); // whoever is at the machine is told
    }

    [Fact]
    public async Task A_grant_in_one_namespace_is_not_announced_to_the_first_versions_clients_of_another()
    {
        var redis = await RedisServer.StartAsync();
        await using var keyed = await KeyedServer.StartAsync(("ConnectionStrings:Redis", redis.ConnectionString));
        using var connection = await ConnectionMultiplexer.ConnectAsync(redis.ConnectionString);
        var heard = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await connection.GetSubscriber().SubscribeAsync(new RedisChannel("lock_granted*", RedisChannel.PatternMode.Pattern), (channel, message) => heard.Enqueue($"{channel} {message}"));
        foreach (var space in new[] { "lock", "default" })
        {
            // The attacker names its agent as the victim's is named, and its resource as the victim's.
            var (first, second) = (await keyed.AgentAsync("other", space), await keyed.AgentAsync("victim", space));
            var held = await keyed.PostAsync(first, "/v1/locks/acquire", new { resource_type = "file", resource_id = "1", agent_id = "other" });
            await keyed.PostAsync(second, "/v1/locks/acquire", new { resource_type = "file", resource_id = "1", agent_id = "victim" });
            await keyed.PostAsync(first, "/v1/locks/release", new { lock_id = held.String("lock_id"), agent_id = "other" });
            await Eventually.HoldsAsync(() => !heard.IsEmpty, $"the grant in {space} is announced");
            Assert.All(heard, message => Assert.StartsWith(space == "default" ? "lock_granted:lock:file:1 victim:" : "lock_granted@lock:lock:file:1 victim:", message, StringComparison.Ordinal));
            await Task.Delay(TimeSpan.FromSeconds(space == "default" ? 0 : 11)); // it is announced again until then
            heard.Clear();
        }
    }

    [Fact, Trait("Category", "Slow")]
    public async Task Ten_thousand_wrong_keys_let_nobody_in_and_hold_nobody_up()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var (agent, started) = (await keyed.AgentAsync("a"), Stopwatch.GetTimestamp());
        var id = KeyedServer.IdOf(agent);
        var worst = TimeSpan.Zero;
        var (done, calls) = (0, 0);
        var trying = Task.WhenAll(Enumerable.Range(0, 8).Select(async lane =>
        {
            for (var number = 0; number < 1_250; number++)
            {
                var answer = await keyed.GetAsync(number % 2 == 0 ? KeyText.New(id) : KeyText.New(), "/v1/locks");
                Assert.Equal(401, answer.Status);
                Interlocked.Increment(ref done);
            }
        }));
        while (!trying.IsCompleted)
        {
            var asked = Stopwatch.GetTimestamp();
            Assert.Equal(200, (await keyed.PostAsync(agent, "/v1/locks", new { resource = $"x/{++calls}" })).Status);
            worst = Stopwatch.GetElapsedTime(asked) > worst ? Stopwatch.GetElapsedTime(asked) : worst;
        }

        await trying;
        Assert.True(worst < TimeSpan.FromSeconds(5), $"One call took {worst} while {done} wrong keys came in {Stopwatch.GetElapsedTime(started)}.");
        Assert.True(keyed.Server.Log.Split('\n').Count(line => line.Contains("without a good key", StringComparison.Ordinal)) <= 2, "The log is not filled by who tries keys.");
    }

    /// <summary>Ends when the service ends the stream.</summary>
    private static async Task<Task> ListenAsync(MeshServer server, string? key)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/v1/events");
        request.Headers.Accept.ParseAdd("text/event-stream");
        request.Headers.Authorization = key is null ? null : new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", key);
        var stream = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(200, (int)stream.StatusCode);
        return stream.Content.ReadAsStringAsync();
    }
}
