using System.Diagnostics;
using System.Globalization;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Benchmarks;

/// <summary>What a policy's conditions cost once they are loaded, and to load.</summary>
internal static class Conditions
{
    private const string SpendLimit = "!(agent.role in params.limits) || metadata.estimated_cost > params.limits[agent.role]";

    private static readonly string[] Sources =
    [
        "metadata.estimated_cost > params.limits[agent.role]",
        SpendLimit,
        "agent.team != resource.team && !('admin' in agent.roles)",
        "now.getHours('Europe/Berlin') >= 18",
        "glob(resource.name, 'customer/*') && resource.name.matches('^[a-z]+/[0-9]+$')",
        "agent.roles.exists(r, r.startsWith('adm'))",
    ];

    private static readonly CelRecordType Agent = new("agent",
        [new("role", CelType.String, false), new("team", CelType.String, false), new("roles", CelType.ListOf(CelType.String), false)]);

    private static readonly CelRecordType Resource = new("resource", [new("name", CelType.String, false), new("team", CelType.String, false)]);

    private static readonly CelRecordType Metadata = new("metadata", [new("estimated_cost", CelType.Double, false)]);

    private static readonly CelEnvironment Environment = new(
        [new("agent", Agent), new("resource", Resource), new("metadata", Metadata), new("params", CelType.Map), new("now", CelType.Timestamp)]);

    private static readonly CelValue[] Facts =
    [
        CelValue.Record(new CelRecord(Agent, [CelValue.Of("junior"), CelValue.Of("red"), CelValue.List([CelValue.Of("user"), CelValue.Of("ops")])])),
        CelValue.Record(new CelRecord(Resource, [CelValue.Of("customer/123"), CelValue.Of("red")])),
        CelValue.Record(new CelRecord(Metadata, [CelValue.Of(50.0)])),
        CelValue.Map(CelMap.Of((CelValue.Of("limits"), CelValue.Map(CelMap.Of(
            (CelValue.Of("junior"), CelValue.Of(100)), (CelValue.Of("senior"), CelValue.Of(1000)), (CelValue.Of("admin"), CelValue.Of(10_000))))))),
        CelValue.Of(new DateTimeOffset(2026, 7, 1, 9, 0, 0, TimeSpan.Zero)),
    ];

    public static Task<string> RunAsync(int rounds, TimeSpan time)
    {
        var rules = Enumerable.Range(0, 100).Select(_ => Compile(SpendLimit)).ToArray();
        List<(string Name, Action Step)> contenders = [.. Sources.Select(source => ($"`{source}`", Evaluation(Compile(source))))];
        contenders.Add(("100 rules like the second, none of which holds", () =>
        {
            var budget = CelBudget.ForDecision();
            foreach (var rule in rules)
            {
                rule.Evaluate(Facts, ref budget);
            }
        }));
        contenders.Add(("to load the second", () => Compile(SpendLimit)));
        var lines = new List<string> { "| condition | ns | bytes |", "|---|---|---|" };
        foreach (var (name, step) in contenders)
        {
            var batch = Math.Clamp((int)(20_000 / Measure(step, time / 4, 1).Nanoseconds), 1, 1_000);
            var measured = Enumerable.Range(0, rounds).Select(_ => Measure(step, time / 4, batch)).OrderBy(each => each.Nanoseconds).ToList();
            var (nanoseconds, bytes) = measured[measured.Count / 2];
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"| {name.Replace("|", "\\|", StringComparison.Ordinal)} | {nanoseconds:N0} | {bytes:N0} |"));
        }

        return Task.FromResult(string.Join('\n', lines));
    }

    private static CelProgram Compile(string source) =>
        Environment.Compile(source, CelType.Bool, out var issue) ?? throw new InvalidOperationException($"{issue} in: {source}");

    private static Action Evaluation(CelProgram program) => () =>
    {
        var budget = CelBudget.ForDecision();
        program.Evaluate(Facts, ref budget);
    };

    /// <summary>The median of many short batches, which a machine that does other things too disturbs least.</summary>
    private static (double Nanoseconds, double Bytes) Measure(Action step, TimeSpan time, int batch)
    {
        var batches = new List<double>(1_000_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < time && batches.Count < batches.Capacity;)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < batch; i++)
            {
                step();
            }

            batches.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / batch);
        }

        var bytes = (double)(GC.GetAllocatedBytesForCurrentThread() - before) / (batches.Count * batch);
        batches.Sort();
        return (batches[batches.Count / 2], bytes);
    }
}
