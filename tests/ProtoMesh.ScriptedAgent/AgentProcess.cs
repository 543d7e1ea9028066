using System.Globalization;
using Microsoft.Extensions.AI;
using ProtoMesh.AI;

namespace ProtoMesh.ScriptedAgent;

/// <summary>
/// An agent in a process of its own, for the tests: <c>AGENT RESOURCE FILE ROUNDS HOLD_MS TTL_MS</c>. Each round its model calls a
/// protected tool that adds 1 to the number in the file by reading it, waiting and writing it.
/// </summary>
internal static class AgentProcess
{
    private static async Task Main(string[] arguments)
    {
        var (agent, resource, file) = (arguments[0], arguments[1], arguments[2]);
        var (rounds, hold, ttl) = (Number(arguments[3]), TimeSpan.FromMilliseconds(Number(arguments[4])), TimeSpan.FromMilliseconds(Number(arguments[5])));
        await using var mesh = new MeshClient(new() { AgentId = agent });
        var rule = ToolRule.For(call => $"{call["id"]}") with { Options = new() { Ttl = ttl } };
        var count = AIFunctionFactory.Create((string id, CancellationToken stop) => CountAsync(file, hold, stop), "count").Protect(mesh, rule);
        Func<IReadOnlyList<ChatMessage>, ChatMessage> call = _ => ScriptedModel.Calls(("count", new() { ["id"] = resource }));
        using var model = new ScriptedModel([.. Enumerable.Repeat(call, rounds), conversation => ScriptedModel.Says(ScriptedModel.Results(conversation)[0])]);
        Console.WriteLine(await ToolLoop.RunAsync(model, "Count.", [count]));
    }

    private static async Task<string> CountAsync(string file, TimeSpan hold, CancellationToken stop)
    {
        var lease = ProtectedAIFunction.CurrentGuard!.Lease!;
        Console.WriteLine($"holding {lease.FencingToken} after {lease.Previous?.Ended ?? "nobody"}");
        var number = Number(await File.ReadAllTextAsync(file, stop));
        await Task.Delay(hold, TimeProvider.System, stop);
        await File.WriteAllTextAsync(file, $"{number + 1}", stop);
        return $"It is {number + 1}.";
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
