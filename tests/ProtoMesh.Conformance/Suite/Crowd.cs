using System.Globalization;

namespace ProtoMesh.Conformance.Suite;

/// <summary>Whether others use the machine so much that real times mean nothing on it.</summary>
internal static class Crowd
{
    /// <summary>For each core. The suite alone brings about less where a service is up to it; beyond it a start alone may take the time that a call has.</summary>
    private const double Busy = 3;

    private const string LoadFile = "/proc/loadavg";

    /// <summary>A sentence about it; null when the machine is fit for a verdict.</summary>
    public static string? Find()
    {
        if (!File.Exists(LoadFile))
        {
            return null;
        }

        var load = double.Parse(File.ReadAllText(LoadFile).Split(' ')[0], CultureInfo.InvariantCulture);
        return load > Busy * Environment.ProcessorCount
            ? string.Create(CultureInfo.InvariantCulture, $"The machine has a load of {load:0} on {Environment.ProcessorCount} cores")
            : null;
    }
}
