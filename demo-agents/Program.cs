using System.Runtime.InteropServices;
using ProtoMesh.Demo;

// The agents' own failures are left to end their processes: the conductor sees the exit code.
if (args is ["agent", var name, var priority, var part, var url, var file])
{
    var agent = new Agent(name, int.Parse(priority, System.Globalization.CultureInfo.InvariantCulture), new Uri(url), new FencedFile(file));
    return await agent.PlayAsync(Enum.Parse<Part>(part));
}

if (args is not ([] or ["--url", _]))
{
    Console.Error.WriteLine("Usage: demo-agents [--url http://host:port]   (without --url it starts a server of its own)");
    return 2;
}

using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(90), TimeProvider.System);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
{
    signal.Cancel = true;
    stop.Cancel();
});
try
{
    return await new Conductor(args is ["--url", var given] ? new Uri(given) : null).RunAsync(stop.Token);
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped before the end: it was interrupted, or 90 s were not enough.");
    return 1;
}
catch (Exception failure) when (failure is DemoException or ProtoMesh.MeshException)
{
    Console.Error.WriteLine($"FAILED: {failure.Message}");
    return 1;
}
