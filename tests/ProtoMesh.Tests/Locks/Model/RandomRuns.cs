using System.Globalization;
using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;
using ProtoMesh.Server.Store;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>Draws scenarios and compares the model with the scripts on a store; a difference is shrunk and told with its seed.</summary>
internal static class RandomRuns
{
    private static int _partitions = 100;

    /// <summary>Set PROTOMESH_SEED to the number that a failed run has printed to draw the same scenarios again.</summary>
    public static ulong Seed(ITestOutputHelper output)
    {
        var given = Environment.GetEnvironmentVariable("PROTOMESH_SEED");
        var seed = given is { Length: > 0 } ? ulong.Parse(given, CultureInfo.InvariantCulture) : BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
        output.WriteLine($"PROTOMESH_SEED={seed}");
        return seed;
    }

    public static LeaseRig FreshRig(IStoreEngine engine, LeaseSettings settings, Func<string, string>? alter = null, bool ownTime = false) =>
        new(engine, Interlocked.Increment(ref _partitions), settings, alter, ownTime);

    public static Task CompareAsync(
        IStoreEngine engine, ulong seed, int scenarios, int moves, Func<string, string>? alter = null,
        bool shrink = true, bool ownTime = false)
    {
        var any = Scenario.Any(moves);
        var config = Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(scenarios).WithReplay(seed, 1UL);
        var drawn = shrink ? any : Arb.From(any.Generator);
        return Task.Run(() => Check.One(config, Prop.ForAll(
            drawn, scenario => Comparison.RunAsync(FreshRig(engine, scenario.Settings, alter, ownTime), scenario.Moves).GetAwaiter().GetResult())));
    }
}
