using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace ProtoMesh.Demo.Languages;

/// <summary>How the agent of each language is started, and what to do when that cannot be.</summary>
internal sealed class Runtimes
{
    private const string Prepare = "run demo-agents/prepare, then start the demo again";

    private readonly string _python;
    private readonly string _folder;

    /// <exception cref="DemoException">A language is not ready; it says what to run.</exception>
    public Runtimes()
    {
        _folder = Locate();
        var ownPython = Path.Combine(_folder, "python", ".venv", OperatingSystem.IsWindows() ? @"Scripts\python.exe" : "bin/python");
        _python = Environment.GetEnvironmentVariable("DEMO_PYTHON") is { Length: > 0 } given ? given : ownPython;
        Require(_python, "-c", "import protomesh", $"The Python agent has no Python with the package protomesh: {Prepare}.");
        Require("node", "-e", "process.exit(process.versions.node.split('.')[0] >= 20 ? 0 : 1)", $"The TypeScript agent needs Node.js 20 or newer: install it, {Prepare}.");
        Require("node", "--check", Path.Combine(_folder, "typescript", "dist", "agent.js"), $"The TypeScript agent is not built: {Prepare}.");
    }

    public ProcessStartInfo Start(Assignment job)
    {
        var argument = JsonSerializer.Serialize(job, AssignmentJson.Default.Assignment);
        return job.Agent switch
        {
            "python" => new(_python, [Path.Combine(_folder, "python", "agent.py"), argument]),
            "typescript" => new("node", [Path.Combine(_folder, "typescript", "dist", "agent.js"), argument]),
            _ => AgentProcess.OfThisProgram("refund", argument),
        };
    }

    private static void Require(string program, string option, string check, string otherwise)
    {
        try
        {
            var start = new ProcessStartInfo(program, [option, check]) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            process.StandardOutput.Close();
            process.StandardError.Close();
            process.WaitForExit();
            if (process.ExitCode == 0)
            {
                return;
            }
        }
        catch (Win32Exception)
        {
            // There is no such program, which the same words are for.
        }
        throw new DemoException(otherwise);
    }

    /// <summary>The folder of the sources: the agents of the other languages are not copied beside this program.</summary>
    private static string Locate()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "python", "agent.py")))
            {
                return folder.FullName;
            }
        }
        throw new DemoException("The Python and TypeScript agents are not here; start the demo with dotnet run --project demo-agents -- languages.");
    }
}
