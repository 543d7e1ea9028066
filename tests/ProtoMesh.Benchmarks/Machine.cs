using System.Diagnostics;

namespace ProtoMesh.Benchmarks;

/// <summary>What the figures were taken on.</summary>
internal static class Machine
{
    public static string Cpu() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown CPU"
        : "unknown CPU";

    public static string Redis()
    {
        using var redis = Process.Start(new ProcessStartInfo("redis-server", "--version") { RedirectStandardOutput = true });
        var version = redis?.StandardOutput.ReadToEnd().Split(' ').FirstOrDefault(word => word.StartsWith("v=", StringComparison.Ordinal));
        return $"Redis {version?[2..] ?? "absent"}";
    }
}
