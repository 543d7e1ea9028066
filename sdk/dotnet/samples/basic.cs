// One agent works on a customer while nobody else can, and the next one reads what it left.
using ProtoMesh;

await using var anna = new MeshClient(new() { AgentId = "anna" });
await using var bert = new MeshClient(new() { AgentId = "bert" });

var lease = await anna.Locks.AcquireAsync("customer/basic", new() { Reason = "refund #42" });
Console.WriteLine($"anna holds {lease.Resource}, and renews by itself for as long as it takes");

// Give the token to whatever is written, and Lost to whatever is awaited meanwhile.
await SaveAsync(lease.FencingToken, lease.Lost);

// Bert only tries; without TryAcquire it would wait in the queue.
Console.WriteLine(await bert.Locks.TryAcquireAsync("customer/basic") is null ? "bert finds it held" : "bert holds it too");

await lease.ReleaseAsync("invoice 7 is half paid");

await using var next = await bert.Locks.AcquireAsync("customer/basic");
Console.WriteLine($"bert holds it now, after {next.Previous!.AgentId}: {next.Previous.Note}");
Console.WriteLine($"its token is higher: {next.FencingToken > lease.FencingToken}");

static Task SaveAsync(long fencingToken, CancellationToken lost)
{
    lost.ThrowIfCancellationRequested();
    Console.WriteLine("saved, with a token that a store can compare");
    return Task.CompletedTask;
}
