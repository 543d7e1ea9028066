using System.Globalization;
using ProtoMesh.Conformance.Scenarios;
using ProtoMesh.Conformance.Staging;

namespace ProtoMesh.Conformance.Suite;

/// <summary>
/// That the scenarios can fail: each expectation is in turn made into one that must not hold, and whatever still passes
/// is told. A mutant is a scenario with one expectation changed; mutants run like scenarios.
/// </summary>
internal static class Mutations
{
    public static async Task<int> RunAsync(SuiteOptions options, IReadOnlyList<Scenario> scenarios)
    {
        var mutants = scenarios.SelectMany(Mutant.AllOf).ToList();
        var (sdk, store) = (options.Sdks[0], options.Stores[0]);
        await using var stage = await Stage.StartAsync(store);
        var verdicts = await RunnerProcess.RunAsync(sdk, store, stage.Url, mutants);
        var unnoticed = verdicts.Where(verdict => verdict.Passed).ToList();
        foreach (var verdict in unnoticed)
        {
            Console.Error.WriteLine($"NOT NOTICED {verdict.Scenario}");
        }

        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{mutants.Count} mutants of {scenarios.Count} scenarios with {sdk.Title} on {store}: {unnoticed.Count} not noticed"));
        return unnoticed.Count == 0 ? 0 : 1;
    }
}
