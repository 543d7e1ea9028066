using System.Runtime.InteropServices;

namespace ProtoMesh.Demo;

/// <summary>The signals that .NET has no call for. On Windows the agents act their effect instead.</summary>
internal static partial class Signals
{
    private const int SigTerm = 15;

    public static void Stop(int process) => Send(process, OperatingSystem.IsMacOS() ? 17 : 19);

    public static void Continue(int process) => Send(process, OperatingSystem.IsMacOS() ? 19 : 18);

    public static void Terminate(int process) => Send(process, SigTerm);

    private static void Send(int process, int signal)
    {
        if (!OperatingSystem.IsWindows() && Kill(process, signal) != 0)
        {
            throw new DemoException($"Signal {signal} could not be sent to process {process}.");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
