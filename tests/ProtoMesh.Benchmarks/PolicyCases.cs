using System.Diagnostics;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Benchmarks;

/// <summary>What a policy costs: alone, in this process, and as a check over HTTP beside a JSON echo.</summary>
internal static class PolicyCases
{
    private const string SpendLimit = "!(agent.role in params.limits) || metadata.estimated_cost > params.limits[agent.role]";
    private const string Check = """{"agent_id":"agent-1","action":"spend","metadata":{"estimated_cost":50,"agent_role":"senior"}}""";
    private const string Head = "apiVersion: protomesh.dev/policy/v1\nname: bench\nparams: { limits: { junior: 100, senior: 1000, admin: 10000 } }\nmetadata: { estimated_cost: { type: number, min: 0 } }\nrules:\n";

    public static async Task<string> RunAsync(int rounds, TimeSpan time)
    {
        var one = Load(1);
        var hundred = Load(100);
        var (simpleNs, simpleBytes) = Measure(Rules(Load(100, index => $"metadata.estimated_cost > {(index == 99 ? 10 : 1_000 + index)}.0")), time);
        var (oneNs, oneBytes) = Measure(Rule(one), time);
        var (hundredNs, hundredBytes) = Measure(Rules(hundred), time);
        var loads = new List<double>();
        for (var round = 0; round < Math.Max(rounds, 3); round++)
        {
            var started = Stopwatch.GetTimestamp();
            Load(500);
            loads.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return string.Join('\n',
            "| what | time | bytes allocated |", "|---|---|---|",
            $"| spend-limit, one condition | {oneNs:N0} ns | {oneBytes} |",
            $"| 100 rules about the action with one comparison each, the last one holds | {simpleNs / 1_000:N2} us | {simpleBytes} |",
            $"| 100 rules about the action with spend-limit's condition each, the last one holds | {hundredNs / 1_000:N2} us | {hundredBytes} |",
            $"| a document of 500 rules, read, compiled and looked over | {Measured.Middle(loads):N0} ms | |",
            "", await HttpAsync(rounds, time));
    }

    private static async Task<string> HttpAsync(int rounds, TimeSpan time)
    {
        await using var echo = await Child.EchoAsync();
        await using var server = await Child.ServiceAsync(null);
        (string Name, Child Server, string Path)[] contenders = [("JSON echo of the same body", echo, "/echo-check"), ("check, allowed", server, "/v1/policies/check")];
        var lines = new List<string> { "| clients | what | requests/s | of echo | p50 ms | p99 ms |", "|---|---|---|---|---|---|" };
        foreach (var contender in contenders)
        {
            await Benchmarks.Load.RunAsync(contender.Server.Port, 16, TimeSpan.FromSeconds(3), (client, _) => StepAsync(client, contender.Path));
        }

        foreach (var clients in new[] { 1, 16, 64 })
        {
            var measured = contenders.ToDictionary(contender => contender.Name, _ => new List<Measured>());
            for (var round = 0; round < rounds; round++)
            {
                foreach (var contender in contenders)
                {
                    measured[contender.Name].Add(await Benchmarks.Load.RunAsync(contender.Server.Port, clients, time, (client, _) => StepAsync(client, contender.Path)));
                }
            }

            var limit = Measured.Median(measured[contenders[0].Name]).PerSecond;
            lines.AddRange(measured.Select(each => Measured.Median(each.Value) is var median
                ? $"| {clients} | {each.Key} | {median.PerSecond:N0} | {median.PerSecond / limit:P0} | {median.P50:N2} | {median.P99:N2} |" : ""));
        }

        return string.Join('\n', lines);
    }

    private static async Task<double[]> StepAsync(RawClient client, string path) =>
        [await Benchmarks.Load.TimedAsync(async () => Benchmarks.Load.Expect(await client.PostAsync(path, Check), 200, client))];

    private static PolicySet Load(int rules, Func<int, string>? condition = null) => PolicySet.Load(Head + string.Concat(Enumerable.Range(0, rules).Select(index =>
        $"  - {{ id: r{index}, actions: [spend], effect: deny, when: \"{condition?.Invoke(index) ?? SpendLimitOf(index, rules)}\" }}\n"))).Set
        ?? throw new InvalidOperationException("The document does not load.");

    /// <summary>Of several rules only the last one holds.</summary>
    private static string SpendLimitOf(int index, int rules) =>
        index == rules - 1 && rules > 1 ? SpendLimit.Replace("estimated_cost >", "estimated_cost + 1000.0 >", StringComparison.Ordinal) : SpendLimit;

    private static Func<bool> Rule(PolicySet set)
    {
        var (slots, when) = (Slots(set), set.Rules[0].When!);
        return () =>
        {
            var budget = CelBudget.ForDecision();
            return when.Evaluate(slots, ref budget).IsTrue;
        };
    }

    private static Func<bool> Rules(PolicySet set)
    {
        var (slots, plan) = (Slots(set), set.PlanFor("spend"));
        return () =>
        {
            var evaluation = new PolicyEvaluation();
            evaluation.Add(set, plan, slots);
            return evaluation.Against.Count == 1;
        };
    }

    private static CelValue[] Slots(PolicySet set)
    {
        var slots = new CelValue[PolicyVariables.Count];
        var role = new Fact<string>("senior", FactSource.Claimed);
        slots[PolicyVariables.Agent] = new PolicySubject
        {
            AgentId = new("agent-1", FactSource.Claimed), Role = role, Roles = new([role.Value], FactSource.Claimed), Team = new("default", FactSource.Default),
            ResourceTeam = new("default", FactSource.Default), ResourceLabels = new(null, FactSource.Default),
        }.AgentValue();
        slots[PolicyVariables.Metadata] = CelValue.Record(new CelRecord(set.Metadata.Type, [CelValue.Of(50.0)]));
        slots[PolicyVariables.Params] = set.Params;
        return slots;
    }

    /// <summary>Nanoseconds and bytes of one call, over as many as fit into the time after the code has become warm.</summary>
    private static (double Nanoseconds, long Bytes) Measure(Func<bool> call, TimeSpan time)
    {
        var sum = 0;
        for (var warm = Stopwatch.StartNew(); warm.Elapsed < time;)
        {
            sum += call() ? 1 : 0;
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        const int Batch = 1_000;
        long calls = 0;
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < time)
        {
            for (var index = 0; index < Batch; index++)
            {
                sum += call() ? 1 : 0;
            }

            calls += Batch;
        }

        var nanoseconds = clock.Elapsed.TotalNanoseconds / calls;
        GC.KeepAlive(sum);
        return (nanoseconds, (GC.GetAllocatedBytesForCurrentThread() - before) / calls);
    }
}
