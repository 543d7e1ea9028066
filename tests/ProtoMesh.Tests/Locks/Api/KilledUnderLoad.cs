using System.Collections.Concurrent;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Rig;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>kill -9 at moments nobody chose: what was answered is as it was answered, and the journal has each event once.</summary>
[Trait("Category", "Slow")]
public sealed class KilledUnderLoad(ITestOutputHelper output)
{
    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task What_was_answered_before_a_kill_stands_after_the_restart_and_is_journaled_once(string store)
    {
        await using var redis = store == MeshServers.Redis ? await RedisServer.StartAsync(appendOnly: true) : null;
        (string, string)[] settings = redis is null ? [] : [("ConnectionStrings:Redis", redis.ConnectionString)];
        await using var server = await MeshServer.StartAsync(settings);
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var granted = new ConcurrentDictionary<string, long>(StringComparer.Ordinal);
        var released = new ConcurrentDictionary<string, long>(StringComparer.Ordinal);
        var queued = new ConcurrentBag<string>();

        for (var round = 0; round < 3; round++)
        {
            var stop = false;
            var load = Enumerable.Range(0, 16).Select(agent => LoadAsync(round, agent)).ToArray();
            await Eventually.HoldsAsync(
                () => granted.Count > 20 * (round + 1) && queued.Count > 5 * (round + 1) && released.Count > 5 * (round + 1), "there was load");
            await Task.Delay(random.Next(600));
            server.Kill();
            stop = true;
            await Task.WhenAll(load);
            await server.RestartAsync();
            await server.IsReadyAsync();

            async Task LoadAsync(int inRound, int agent)
            {
                try
                {
                    for (var number = 0; !Volatile.Read(ref stop); number++)
                    {
                        // Every third resource is shared with the other agents, so that some requests have to queue.
                        var resource = number % 3 == 0 ? $"shared/{inRound}-{number}" : $"own/{inRound}-{agent}-{number}";
                        var answer = await server.PostAsync("/v1/locks", new
                        {
                            resource, agent_id = $"agent-{agent}", ttl_ms = 300_000, wait_ms = 600_000, detached = true,
                            durability = number % 5 == 0 ? "journaled" : "fast",
                        });
                        var id = answer.String("lock_id");
                        if (answer.Status == 202)
                        {
                            queued.Add(id);
                            continue;
                        }

                        var token = answer.Number("fencing_token");
                        granted[id] = token;
                        if (number % 3 == 1)
                        {
                            await server.PostAsync($"/v1/locks/{id}/release", new { fencing_token = token });
                            released[id] = token;
                        }
                    }
                }
                catch (HttpRequestException)
                {
                    // The kill. Whether the last call took effect is unknown, and nothing is claimed of it.
                }
            }
        }

        foreach (var (id, token) in granted)
        {
            var again = await server.PostAsync($"/v1/locks/{id}/release", new { fencing_token = token });
            Assert.True(again.Status == 200, $"{id}: {again}");
        }

        Assert.Equal(granted.Count, granted.Values.Distinct().Count());
        foreach (var id in queued)
        {
            Assert.Contains((await server.GetAsync($"/v1/locks/{id}")).String("state"), new[] { "queued", "granted", "released" });
        }

        var events = await EventsAsync(server, granted.Keys.Concat(queued).ToHashSet(StringComparer.Ordinal));
        foreach (var id in granted.Keys)
        {
            Assert.Equal(["lock.granted", "lock.released"], events[id]);
        }

        Assert.All(queued, id => Assert.Equal("lock.queued", events[id][0]));
        Assert.All(events.Values, types => Assert.Equal(types.Count, types.Distinct().Count()));
    }

    /// <summary>The types of each request's events in the journal's order, once it has them all.</summary>
    private static async Task<Dictionary<string, List<string>>> EventsAsync(MeshServer server, HashSet<string> ids)
    {
        await Eventually.HoldsAsync(
            async () => (long?)(await server.GetAsync("/health")).Body["database"]!["journal_lag_events"] == 0, "the journal has everything", TimeSpan.FromSeconds(60));
        var found = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        long last = 0;
        for (string? page = "/v1/events?limit=1000"; page is not null;)
        {
            var answer = await server.GetAsync(page);
            foreach (var each in answer.Body["events"]!.AsArray())
            {
                var id = (long)each!["id"]!;
                Assert.True(id > last, $"Event {id} follows {last}.");
                last = id;
                if (each["lock_id"] is { } of && ids.Contains((string)of!))
                {
                    (found.TryGetValue((string)of!, out var types) ? types : found[(string)of!] = []).Add((string)each["type"]!);
                }
            }

            page = (string?)answer.Body["next_page_token"] is { } token ? $"/v1/events?limit=1000&page_token={token}" : null;
        }

        return found;
    }
}
