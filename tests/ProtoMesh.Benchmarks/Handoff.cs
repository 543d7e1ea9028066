using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace ProtoMesh.Benchmarks;

/// <summary>A queue of open requests on one resource; each that is granted releases at once.</summary>
internal static class Handoff
{
    /// <summary>The milliseconds from the sending of each release to the next holder's answer.</summary>
    public static async Task<IReadOnlyList<double>> RunAsync(int port, int waiters, int detached, int handoffs)
    {
        var resource = $"hot/{Load.Unique()}";
        var granted = new ConcurrentQueue<(long At, long Token)>();
        var released = new ConcurrentDictionary<long, long>();
        var left = handoffs + 1;
        using var first = await RawClient.ConnectAsync(port);
        Load.Expect(await first.PostAsync("/v1/locks", $$"""{"resource":"{{resource}}","agent_id":"first","ttl_ms":300000}"""), 200, first);
        var (firstId, firstToken) = Lease(first.Body);
        var loops = Enumerable.Range(0, waiters).Select(number => WaitAsync(number)).ToArray();
        for (var behind = 0; behind < detached; behind++)
        {
            Load.Expect(await first.PostAsync("/v1/locks", $$"""{"resource":"{{resource}}","agent_id":"behind","priority":0,"detached":true,"wait_ms":3600000}"""), 202, first);
        }

        while (await LengthAsync(first) < waiters + detached)
        {
            await Task.Delay(20);
        }

        await ReleaseAsync(first, firstId, firstToken);
        await Task.WhenAll(loops);
        await first.PostAsync("/v1/resources/force-release", $$"""{"resource":"{{resource}}","reason":"end of the benchmark"}""");
        return [.. Pairs()];

        async Task WaitAsync(int number)
        {
            using var client = await RawClient.ConnectAsync(port);
            while (Volatile.Read(ref left) > 0)
            {
                var status = await client.PostAsync(
                    "/v1/locks", $$"""{"resource":"{{resource}}","agent_id":"agent-{{number}}","priority":9,"wait_ms":600000}""", "Prefer: wait=60\r\n");
                var at = Stopwatch.GetTimestamp();
                Load.Expect(status, 200, client);
                var (id, token) = Lease(client.Body);
                granted.Enqueue((at, token));
                Interlocked.Decrement(ref left);
                await ReleaseAsync(client, id, token);
            }
        }

        async Task ReleaseAsync(RawClient client, string id, long token)
        {
            released[token] = Stopwatch.GetTimestamp();
            Load.Expect(await client.PostAsync($"/v1/locks/{id}/release", $$"""{"fencing_token":{{token}}}"""), 200, client);
        }

        async Task<int> LengthAsync(RawClient client)
        {
            await client.PostAsync("/v1/locks?dry_run=true", $$"""{"resource":"{{resource}}","agent_id":"first"}""");
            return client.Body.GetProperty("queue_length").GetInt32();
        }

        IEnumerable<double> Pairs()
        {
            // Tokens rise in the order of the grants: each grant follows the release of the token before it.
            long? before = firstToken;
            foreach (var (at, token) in granted.OrderBy(grant => grant.Token).Take(handoffs))
            {
                if (before is { } last && released.TryGetValue(last, out var sent))
                {
                    yield return Stopwatch.GetElapsedTime(sent, at).TotalMilliseconds;
                }

                before = token;
            }
        }
    }

    private static (string Id, long Token) Lease(JsonElement body) => (body.GetProperty("lock_id").GetString()!, body.GetProperty("fencing_token").GetInt64());
}
