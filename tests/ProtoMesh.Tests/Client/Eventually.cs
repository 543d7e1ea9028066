using System.Diagnostics;

namespace ProtoMesh.Tests.Client;

/// <summary>Polls for what another thread is about to do, with a bound in real time.</summary>
internal static class Eventually
{
    public static async Task Holds(Func<bool> condition, string what)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(20), $"Within 20 s it did not come true that {what}.");
            await Task.Delay(2);
        }
    }
}
