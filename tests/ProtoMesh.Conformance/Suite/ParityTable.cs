using System.Text;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Suite;

/// <summary>The table in a Markdown file that says how many scenarios of a topic each SDK passes, between two markers.</summary>
internal static class ParityTable
{
    private const string Begin = "<!-- parity -->";
    private const string End = "<!-- /parity -->";

    /// <summary>Writes the table when asked to; otherwise tells whether the file has it as it is.</summary>
    public static bool Agrees(SuiteOptions options, IReadOnlyList<Scenario> scenarios, IReadOnlyList<Verdict> verdicts)
    {
        if (options.Only is not null || options.Quick || options.Sdks.Count != Sdk.All.Count || options.Stores.Count != Stores.All.Count)
        {
            throw new UsageException("The table tells of all scenarios with all SDKs on all stores: --parity goes without --only, --quick, --sdk and --store.");
        }

        var path = Path.GetFullPath(options.Parity!);
        var text = File.ReadAllText(path);
        var (from, to) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        if (from < 0 || to < from)
        {
            throw new UsageException($"{options.Parity} has no {Begin} and {End}.");
        }

        var table = Write(scenarios, verdicts);
        var updated = text[..from] + Begin + "\n" + table + text[to..];
        if (updated == text)
        {
            return true;
        }

        if (options.Update)
        {
            File.WriteAllText(path, updated);
            return true;
        }

        Console.Error.WriteLine($"The table in {options.Parity} is not what this run found; --update writes it:\n{table}");
        return false;
    }

    /// <summary>A scenario counts for an SDK when it passes on every store.</summary>
    private static string Write(IReadOnlyList<Scenario> scenarios, IReadOnlyList<Verdict> verdicts)
    {
        var failures = verdicts.Where(verdict => !verdict.Passed).Select(verdict => (verdict.Scenario, verdict.Sdk)).ToHashSet();
        var table = new StringBuilder();
        table.Append($"| Topic | Scenarios | {string.Join(" | ", Sdk.All.Select(sdk => sdk.Title))} |\n");
        table.Append($"|---|--:|{string.Concat(Sdk.All.Select(_ => "--:|"))}\n");
        foreach (var (name, topic) in scenarios.GroupBy(scenario => scenario.Topic, StringComparer.Ordinal).Select(topic => ($"`{topic.Key}`", topic.ToList())).Append(("all", [.. scenarios])))
        {
            var passed = Sdk.All.Select(sdk => topic.Count(scenario => !failures.Contains((scenario.Id, sdk))));
            table.Append($"| {name} | {topic.Count} | {string.Join(" | ", passed)} |\n");
        }

        return table.ToString();
    }
}
