using Xunit.Abstractions;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>How much of what could be tried is tried.</summary>
internal static class Runs
{
    /// <summary>Everything, which takes many minutes, instead of a few by chance.</summary>
    public static bool Every { get; } = Environment.GetEnvironmentVariable("PROTOMESH_EVERY_STEP") == "1";

    /// <summary>Set PROTOMESH_SEED to the number that a failed run has printed to draw the same again.</summary>
    public static Random Random(ITestOutputHelper output)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PROTOMESH_SEED"), out var given) ? given : Environment.TickCount;
        output.WriteLine($"PROTOMESH_SEED={seed}");
        return new Random(seed);
    }
}
