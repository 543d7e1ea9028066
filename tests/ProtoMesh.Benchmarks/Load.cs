using System.Diagnostics;

namespace ProtoMesh.Benchmarks;

/// <summary>What one round of load measured; times in milliseconds.</summary>
internal sealed record Measured(double PerSecond, double P50, double P99, long Requests)
{
    public static Measured Of(IEnumerable<double> times, double seconds)
    {
        var sorted = times.Order().ToArray();
        return new Measured(sorted.Length / seconds, At(sorted, 0.50), At(sorted, 0.99), sorted.Length);
    }

    /// <summary>Each figure's median over the rounds.</summary>
    public static Measured Median(IReadOnlyCollection<Measured> rounds) => new(
        Middle(rounds.Select(round => round.PerSecond)), Middle(rounds.Select(round => round.P50)), Middle(rounds.Select(round => round.P99)),
        rounds.Sum(round => round.Requests));

    public static double Middle(IEnumerable<double> values) => At([.. values.Order()], 0.5);

    private static double At(double[] sorted, double part) => sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * part))];
}

/// <summary>Runs a number of clients, each with one request open at a time, for a bounded time.</summary>
internal static class Load
{
    private static long _unique;

    /// <summary>A number that no resource of this run had before.</summary>
    public static long Unique() => Interlocked.Increment(ref _unique);

    /// <param name="step">Sends one request or a few; returns the milliseconds of each.</param>
    public static async Task<Measured> RunAsync(int port, int clients, TimeSpan time, Func<RawClient, int, Task<double[]>> step)
    {
        var clock = Stopwatch.StartNew();
        var loops = Enumerable.Range(0, clients).Select(async client =>
        {
            using var connection = await RawClient.ConnectAsync(port);
            var times = new List<double>();
            while (clock.Elapsed < time)
            {
                times.AddRange(await step(connection, client));
            }

            return times;
        }).ToArray();
        var all = await Task.WhenAll(loops);
        return Measured.Of(all.SelectMany(times => times), clock.Elapsed.TotalSeconds);
    }

    public static async Task<double> TimedAsync(Func<Task> call)
    {
        var started = Stopwatch.GetTimestamp();
        await call();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    public static void Expect(int status, int expected, RawClient client)
    {
        if (status != expected)
        {
            throw new InvalidOperationException($"Expected {expected} and got {status}: {client.Body}");
        }
    }
}
