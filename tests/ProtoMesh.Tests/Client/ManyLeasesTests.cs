using System.Collections.Concurrent;
using System.Diagnostics;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Client;

/// <summary>A client that holds very many leases, against the real service.</summary>
[Trait("Category", "Slow")]
public sealed class ManyLeasesTests(LiveService service, ITestOutputHelper output) : IClassFixture<LiveService>
{
    private const int Leases = 10_000;
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Interval = Ttl / 3;

    [Fact]
    public async Task Ten_thousand_leases_are_renewed_with_at_most_fifty_requests_an_interval()
    {
        using var wire = new CountingWire();
        var mesh = new MeshClient(new() { BaseUrls = [service.Url], AgentId = "hoarder", HttpClient = new HttpClient(wire), OnWarning = _ => { } });
        var leases = new ConcurrentBag<Lease>();
        var prefix = $"shelf/{Guid.NewGuid():N}";
        await Parallel.ForAsync(0, Leases, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (number, stop) =>
            leases.Add(await mesh.Locks.AcquireAsync($"{prefix}-{number}", new() { Ttl = Ttl }, stop)));
        Assert.Equal(Leases, mesh.Held.Count);

        var started = Stopwatch.GetTimestamp();
        await Task.Delay(Interval * 2);
        await mesh.DisposeAsync();

        // Each lease is due once an interval at the latest, so two intervals have renewed every one of them.
        var intervals = Stopwatch.GetElapsedTime(started) / Interval;
        var renewals = wire.Sent.Where(call => call.At >= started).ToList();
        output.WriteLine($"{renewals.Count / intervals:0.0} requests an interval");
        Assert.All(renewals, call => Assert.Equal("/v1/locks/renew", call.Path));
        Assert.InRange(renewals.Count / intervals, 1, 50);
        Assert.All(leases, lease => Assert.True(lease.IsHeld && lease.Remaining > Interval, $"{lease.Name} has {lease.Remaining} left of {Ttl}."));
    }

    private sealed class CountingWire() : DelegatingHandler(new SocketsHttpHandler())
    {
        public ConcurrentQueue<(string Path, long At)> Sent { get; } = new();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Sent.Enqueue((request.RequestUri!.AbsolutePath, Stopwatch.GetTimestamp()));
            return base.SendAsync(request, cancellationToken);
        }
    }
}
