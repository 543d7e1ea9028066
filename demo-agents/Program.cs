using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using ProtoMesh.Demo;
using ProtoMesh.Demo.CSharp;
using ProtoMesh.Demo.Languages;
using ProtoMesh.Demo.Team;

// The agents' own failures are left to end their processes: the conductor sees the exit code.
if (args is ["agent", var name, var priority, var part, var url, var run, var file])
{
    var agent = new Agent(name, int.Parse(priority, CultureInfo.InvariantCulture), new Uri(url), run, new FencedFile(file));
    return await agent.PlayAsync(Enum.Parse<Part>(part));
}

if (args is ["refund", var assignment])
{
    try
    {
        await RefundAgent.RunAsync(JsonSerializer.Deserialize(assignment, AssignmentJson.Default.Assignment)!, CancellationToken.None);
        return 0;
    }
    catch (ModelException failure)
    {
        Console.Error.WriteLine($"csharp: {failure.Message}");
        return 1;
    }
}

if (args is ["member", var task])
{
    return await Member.RunAsync(task);
}

var play = args is ["languages" or "team", ..] ? args[0] : "";
if (args[(play.Length > 0 ? 1 : 0)..] is not ([] or ["--url", _]))
{
    Console.Error.WriteLine("Usage: demo-agents [languages | team] [--url http://host:port]   (without --url it starts a server of its own)");
    return 2;
}

// A real model thinks for seconds at each turn.
var limit = TimeSpan.FromSeconds(play == "languages" ? 300 : 90);
using var stop = new CancellationTokenSource(limit, TimeProvider.System);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
{
    signal.Cancel = true;
    stop.Cancel();
});
try
{
    var given = args is [.., "--url", var address] ? new Uri(address) : null;
    return await (play switch
    {
        "languages" => new LanguagesConductor(given).RunAsync(stop.Token),
        "team" => new TeamConductor(given).RunAsync(stop.Token),
        _ => new Conductor(given).RunAsync(stop.Token),
    });
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine($"Stopped before the end: it was interrupted, or {limit.TotalSeconds} s were not enough.");
    return 1;
}
catch (Exception failure) when (failure is DemoException or ModelException or ProtoMesh.MeshException)
{
    Console.Error.WriteLine($"FAILED: {failure.Message}");
    return 1;
}
