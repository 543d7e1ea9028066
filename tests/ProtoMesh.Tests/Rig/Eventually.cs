using System.Diagnostics;

namespace ProtoMesh.Tests.Rig;

/// <summary>Waits for what another process will do; fails when it has not done so in time.</summary>
internal static class Eventually
{
    public static async Task<TimeSpan> HoldsAsync(Func<Task<bool>> condition, string what, TimeSpan? within = null)
    {
        var limit = within ?? TimeSpan.FromSeconds(10);
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.Elapsed < limit, $"Not within {limit.TotalSeconds} s: {what}.");
            await Task.Delay(20);
        }

        return watch.Elapsed;
    }

    public static Task<TimeSpan> HoldsAsync(Func<bool> condition, string what, TimeSpan? within = null) =>
        HoldsAsync(() => Task.FromResult(condition()), what, within);
}
