// Agents wait in a queue. A higher priority is sooner, everyone can ask why it waits, and who gives up leaves nothing behind.
using ProtoMesh;

const string Resource = "printer/queue";
await using var mesh = new MeshClient(new() { AgentId = "operator" });

var lease = await mesh.Locks.AcquireAsync(Resource, new() { Reason = "a long print" });
var normal = PrintAsync("normal", priority: 5);
var urgent = PrintAsync("urgent", priority: 9);
using var patience = new CancellationTokenSource();
var impatient = PrintAsync("impatient", priority: 1, patience.Token);
await QueueIsAsync(3);

await foreach (var waiting in mesh.Locks.ListAsync(state: "queued", type: "printer"))
{
    var why = await mesh.Locks.ExplainAsync(waiting.LockId);
    if (waiting.AgentId == "urgent")
    {
        Console.WriteLine($"urgent is number {why.Position}: {why.BlockedBy[0].Reason} is in the way");
    }
}

patience.Cancel();
await impatient;
await QueueIsAsync(2);

await lease.ReleaseAsync();
await Task.WhenAll(urgent, normal);

async Task PrintAsync(string agent, int priority, CancellationToken stop = default)
{
    try
    {
        await using var turn = await mesh.Locks.AcquireAsync(Resource, new() { AgentId = agent, Priority = priority }, stop);
        Console.WriteLine($"{agent} prints");
    }
    catch (OperationCanceledException)
    {
        Console.WriteLine($"{agent} gave up");
    }
}

async Task QueueIsAsync(int length)
{
    while ((await mesh.Locks.QueueAsync(Resource)).QueueLength != length)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
    }
}
