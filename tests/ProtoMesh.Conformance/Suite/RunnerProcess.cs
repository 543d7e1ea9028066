using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Processes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Suite;

/// <summary>Runs the runner of an SDK over a folder of scenarios, and holds it to a verdict on each.</summary>
internal static class RunnerProcess
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    public static async Task<IReadOnlyList<Verdict>> RunAsync(Sdk sdk, string store, string stageUrl, IReadOnlyList<Scenario> scenarios)
    {
        if (sdk.FindObstacle() is { } obstacle)
        {
            return [.. scenarios.Select(scenario => new Verdict(scenario.Id, sdk, store, false, 0, obstacle))];
        }

        using var folder = new TempFolder("scenarios");
        ScenarioFiles.Write(folder.Path, scenarios);
        var said = new ConcurrentDictionary<string, Verdict>(StringComparer.Ordinal);
        var environment = new Dictionary<string, string?> { ["PROTOMESH_STAGE"] = stageUrl, ["PROTOMESH_SCENARIOS"] = folder.Path, ["PROTOMESH_ONLY"] = null };
        using var process = await ChildProcess.StartAsync(sdk.ProgramPath, sdk.Arguments, Repository.Root, environment, line =>
        {
            if (Read(line, sdk, store) is { } verdict)
            {
                said[verdict.Scenario] = verdict;
            }
        });
        var end = await EndAsync(process);
        return [.. scenarios.Select(scenario => said.GetValueOrDefault(scenario.Id)
            ?? new Verdict(scenario.Id, sdk, store, false, 0, $"The {sdk.Title} runner {end} without a word about this scenario. Its last words:\n{process.Output}"))];
    }

    private static async Task<string> EndAsync(ChildProcess process)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            return $"ended with {await process.ExitAsync(limit.Token)}";
        }
        catch (OperationCanceledException)
        {
            return $"did not end within {Limit.TotalMinutes} min";
        }
    }

    private static Verdict? Read(string line, Sdk sdk, string store)
    {
        if (!line.StartsWith('{'))
        {
            return null;
        }

        try
        {
            var verdict = JsonNode.Parse(line)!;
            return new Verdict((string)verdict["scenario"]!, sdk, store, (bool)verdict["passed"]!, (long)(double)verdict["ms"]!, (string?)verdict["error"]);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException or ArgumentNullException)
        {
            return null;
        }
    }
}
