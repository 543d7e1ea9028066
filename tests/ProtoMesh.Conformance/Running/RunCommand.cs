using System.Diagnostics;
using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Running;

/// <summary><c>run</c>: the .NET runner, which every scenario goes through; its environment says where and what.</summary>
internal static class RunCommand
{
    private const int AtOnce = 16;

    public static async Task<int> RunAsync()
    {
        var stageUrl = Environment.GetEnvironmentVariable("PROTOMESH_STAGE") ?? throw new UsageException("PROTOMESH_STAGE is not set: start a stage first.");
        var only = Environment.GetEnvironmentVariable("PROTOMESH_ONLY");
        var scenarios = ScenarioFiles.Read(Environment.GetEnvironmentVariable("PROTOMESH_SCENARIOS") ?? Repository.Scenarios)
            .Where(scenario => string.IsNullOrEmpty(only) || scenario.Id.Contains(only, StringComparison.OrdinalIgnoreCase));
        using var stage = new StageClient(new Uri(stageUrl));
        var allPassed = true;
        await Parallel.ForEachAsync(scenarios, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (scenario, _) =>
        {
            var watch = Stopwatch.StartNew();
            var error = await ErrorAsync(scenario, stage);
            allPassed &= error is null;
            var line = new JsonObject { ["scenario"] = scenario.Id, ["passed"] = error is null, ["ms"] = watch.ElapsedMilliseconds, ["error"] = error }.ToJsonString();
            lock (Console.Out)
            {
                Console.Out.WriteLine(line);
            }
        });
        return allPassed ? 0 : 1;
    }

    private static async Task<string?> ErrorAsync(Scenario scenario, StageClient stage)
    {
        try
        {
            await Play.RunAsync(scenario, stage);
            return null;
        }
        catch (Exception failure)
        {
            return failure is ScenarioFailure ? failure.Message : failure.ToString();
        }
    }
}
