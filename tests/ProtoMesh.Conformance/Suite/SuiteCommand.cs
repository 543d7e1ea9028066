using System.Diagnostics;
using System.Globalization;
using ProtoMesh.Conformance.Scenarios;
using ProtoMesh.Conformance.Staging;

namespace ProtoMesh.Conformance.Suite;

/// <summary>The suite itself: every scenario with every SDK on every store.</summary>
internal static class SuiteCommand
{
    private const int MostErrors = 2_000;

    public static async Task<int> RunAsync(string[] args)
    {
        var options = SuiteOptions.Read(args);
        var scenarios = options.Choose(ScenarioFiles.Read(Repository.Scenarios));
        if (scenarios.Count == 0)
        {
            throw new UsageException("No scenario fits.");
        }

        if (options.Mutate)
        {
            return await Mutations.RunAsync(options, scenarios);
        }

        var verdicts = new List<Verdict>();
        foreach (var store in options.Stores)
        {
            await using var stage = await Stage.StartAsync(store);
            // One after the other: their times are real, and side by side they would take each other's.
            foreach (var sdk in options.Sdks)
            {
                var watch = Stopwatch.StartNew();
                var part = await RunnerProcess.RunAsync(sdk, store, stage.Url, scenarios);
                if (part.Any(verdict => !verdict.Passed) && Crowd.Find() is { } crowd)
                {
                    part = await AgainAsync(sdk, store, stage.Url, scenarios, part, crowd);
                }

                verdicts.AddRange(part);
                Report(sdk, store, part, watch.Elapsed);
            }
        }

        var isParity = options.Parity is null || ParityTable.Agrees(options, scenarios, verdicts);
        var failed = verdicts.Count(verdict => !verdict.Passed) + (isParity ? 0 : 1);
        Console.Out.WriteLine(Table(options, verdicts));
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"suite conformance: {verdicts.Count(verdict => verdict.Passed)} passed, {failed} failed, 0 skipped"));
        return failed == 0 ? 0 : 1;
    }

    /// <summary>Leases end when a process gets no time to renew them, so on a machine that is busy with other things a failure is looked at once more.</summary>
    private static async Task<IReadOnlyList<Verdict>> AgainAsync(
        Sdk sdk, string store, string stageUrl, IReadOnlyList<Scenario> scenarios, IReadOnlyList<Verdict> first, string crowd)
    {
        var failed = first.Where(verdict => !verdict.Passed).ToDictionary(verdict => verdict.Scenario, StringComparer.Ordinal);
        Console.Error.WriteLine($"{crowd}, so what failed for {sdk.Title} on {store} is run once more: {string.Join(", ", failed.Keys)}");
        var second = await RunnerProcess.RunAsync(sdk, store, stageUrl, [.. scenarios.Where(scenario => failed.ContainsKey(scenario.Id))]);
        return [.. first.Where(verdict => verdict.Passed), .. second];
    }

    private static void Report(Sdk sdk, string store, IReadOnlyList<Verdict> verdicts, TimeSpan took)
    {
        // What stands in the way of all of them is said once.
        foreach (var group in verdicts.Where(verdict => !verdict.Passed).GroupBy(verdict => verdict.Error, StringComparer.Ordinal))
        {
            var error = group.Key is { Length: > MostErrors } long_ ? long_[..MostErrors] + " …" : group.Key;
            var who = group.Count() > 3 ? $"{group.Count()} scenarios" : string.Join(", ", group.Select(verdict => $"{verdict.Scenario} ({verdict.Ms} ms)"));
            Console.Error.WriteLine($"FAILED {sdk.Title} on {store}: {who}\n  {error}");
        }

        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{sdk.Title} on {store}: {verdicts.Count(verdict => verdict.Passed)} of {verdicts.Count} passed in {took.TotalSeconds:0.0} s"));
    }

    private static string Table(SuiteOptions options, List<Verdict> verdicts)
    {
        var columns = options.Stores.SelectMany(store => options.Sdks.Select(sdk => (Store: store, Sdk: sdk))).ToList();
        var header = $"{"",-14}" + string.Concat(columns.Select(column => $"{$"{column.Sdk.Title} {column.Store}",22}"));
        var rows = verdicts.GroupBy(verdict => verdict.Topic, StringComparer.Ordinal).Select(topic => $"{topic.Key,-14}" + string.Concat(columns.Select(column =>
        {
            var cell = topic.Where(verdict => verdict.Sdk == column.Sdk && verdict.Store == column.Store).ToList();
            return $"{$"{cell.Count(verdict => verdict.Passed)} of {cell.Count}",22}";
        })));
        return string.Join('\n', rows.Prepend(header));
    }
}
