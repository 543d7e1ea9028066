// The policy is asked before something is done. A deny is an answer that says what would be allowed.
using ProtoMesh;

await using var mesh = new MeshClient(new() { AgentId = "junior" });

var decision = await mesh.Policies.CheckAsync("refund", metadata: new() { ["estimated_cost"] = 500 });
Console.WriteLine($"{decision.Decision}: {decision.Reason}");
Console.WriteLine($"it would be allowed with {decision.Reasons[0].ToChange![0]}");

// A guard asks, waits for the resource and holds it in one step. What it refuses is a value, with a text for a model.
foreach (var amount in new[] { 500, 100 })
{
    await using var guard = await mesh.GuardAsync("refund", "customer/policy", new() { Metadata = new() { ["estimated_cost"] = amount } });
    Console.WriteLine(guard.Granted ? await guard.RunAsync(_ => Task.FromResult($"paid ${amount}")) : guard.Text);
}

var active = (await mesh.Policies.ListAsync()).Active;
Console.WriteLine($"{active.Name} decides, in version {active.Version}");
