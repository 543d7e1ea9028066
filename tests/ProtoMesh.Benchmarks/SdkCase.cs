using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace ProtoMesh.Benchmarks;

/// <summary>What the .NET client costs: acquire + release through it, against the same two calls through a bare HttpClient.</summary>
internal static class SdkCase
{
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(250);

    public static async Task<string> RunAsync(int rounds, TimeSpan time)
    {
        await using var server = await Child.ServiceAsync(null);
        var url = new Uri($"http://127.0.0.1:{server.Port}");
        using var http = new HttpClient { BaseAddress = url };
        await using var mesh = new MeshClient(new() { BaseUrls = [url], AgentId = "agent-1" });
        (string Name, Func<Task> Pair)[] contenders = [("bare HttpClient", () => BarePairAsync(http)), ("MeshClient", () => MeshPairAsync(mesh))];
        foreach (var (_, pair) in contenders)
        {
            await SliceAsync(1, TimeSpan.FromSeconds(3), pair);
        }

        var lines = new List<string> { "| at once | what | acquire + release, p50 us | of bare | bytes allocated |", "|---|---|---|---|---|" };
        foreach (var atOnce in new[] { 1, 16 })
        {
            var measured = await MeasureAsync(contenders, atOnce, rounds, time);
            var bare = measured[0].Median;
            lines.AddRange(contenders.Zip(measured, (contender, cost) =>
                $"| {atOnce} | {contender.Name} | {cost.Median:N0} | {cost.Median / bare:P1} | {cost.Bytes:N0} |"));
        }

        return string.Join('\n', lines);
    }

    /// <summary>The contenders take turns of a quarter of a second, so that whatever the machine does meanwhile hits both.</summary>
    private static async Task<(double Median, double Bytes)[]> MeasureAsync((string Name, Func<Task> Pair)[] contenders, int atOnce, int rounds, TimeSpan time)
    {
        var times = contenders.Select(_ => new List<double>()).ToArray();
        var bytes = new double[contenders.Length];
        for (var turn = 0; turn < rounds * (int)(time / Slice); turn++)
        {
            for (var number = 0; number < contenders.Length; number++)
            {
                var before = GC.GetTotalAllocatedBytes();
                times[number].AddRange(await SliceAsync(atOnce, Slice, contenders[number].Pair));
                bytes[number] += GC.GetTotalAllocatedBytes() - before;
            }
        }

        return [.. times.Zip(bytes, (all, sum) => (Measured.Middle(all), sum / all.Count))];
    }

    /// <summary>Microseconds of each pair.</summary>
    private static async Task<IEnumerable<double>> SliceAsync(int atOnce, TimeSpan time, Func<Task> pair)
    {
        var clock = Stopwatch.StartNew();
        var all = await Task.WhenAll(Enumerable.Range(0, atOnce).Select(async _ =>
        {
            var times = new List<double>();
            while (clock.Elapsed < time)
            {
                var started = Stopwatch.GetTimestamp();
                await pair();
                times.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
            }

            return times;
        }));
        return all.SelectMany(times => times);
    }

    private static async Task MeshPairAsync(MeshClient mesh)
    {
        var lease = await mesh.Locks.AcquireAsync($"bench/{Load.Unique()}", new() { Reason = "refund #42" });
        await lease.ReleaseAsync();
    }

    /// <summary>The bytes that the client would send, and no more done with the answers than is needed to go on.</summary>
    private static async Task BarePairAsync(HttpClient http)
    {
        var granted = await PostAsync(
            http, "/v1/locks", $$"""{"request_id":"{{Guid.CreateVersion7():N}}","resource":"bench/{{Load.Unique()}}","agent_id":"agent-1","wait_ms":30000,"reason":"refund #42"}""", "wait=8");
        using var lease = JsonDocument.Parse(granted);
        var (id, token) = (lease.RootElement.GetProperty("lock_id").GetString(), lease.RootElement.GetProperty("fencing_token").GetInt64());
        using var released = JsonDocument.Parse(await PostAsync(http, $"/v1/locks/{id}/release", $$"""{"fencing_token":{{token}}}"""));
    }

    private static async Task<byte[]> PostAsync(HttpClient http, string path, string json, string? prefer = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (prefer is not null)
        {
            request.Headers.Add("Prefer", prefer);
        }

        using var response = await http.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsByteArrayAsync();
    }
}
