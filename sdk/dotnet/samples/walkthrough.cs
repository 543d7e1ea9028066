// A piece of work that outlives its process: guarded, handed on as a ticket, taken up elsewhere, cut off, and looked back on.
using ProtoMesh;

const string Resource = "report/walkthrough";
await using var writer = new MeshClient(new() { AgentId = "writer" });
await using var editor = new MeshClient(new() { AgentId = "editor" });

var health = await writer.HealthAsync();
Console.WriteLine($"the service is {health.Status}");

// 1. The policy allows it and the resource is free: the work begins under a lease.
string ticket;
await using (var guard = await writer.GuardAsync("report.write", Resource, new() { Ttl = TimeSpan.FromSeconds(5) }))
{
    var lease = guard.Lease!;
    Console.WriteLine($"{lease.AgentId} writes, decided by {lease.Decision!.Policy.Name}");
    lease.ReportProgress("3 of 7 chapters");

    // 2. The process ends here, and its work does not: the ticket is JSON, to be kept in a checkpoint.
    ticket = lease.Ticket().ToJson();
}

// 3. Wherever it is taken up, it is the same lease under the same token. Had it ended, this would say so.
await using var resumed = await editor.AttachAsync(Ticket.Parse(ticket));
Console.WriteLine($"taken up, still {resumed.AgentId}'s and held: {resumed.IsHeld}");

// 4. An operator can cut it off. The holder is told before anyone else can have the resource.
await editor.Locks.ForceReleaseAsync(Resource, "the report was cancelled", immediate: true);
try
{
    await resumed.RenewAsync();
}
catch (LeaseLostException lost)
{
    Console.WriteLine($"cut off: {lost.NextStep}");
}
Console.WriteLine($"whoever awaits Lost knows: {resumed.Lost.IsCancellationRequested}");

// 5. What happened is on record, the newest first.
var seen = new List<string>();
while (!seen.Contains("lock.force_released"))
{
    seen.Clear();
    await foreach (var happened in editor.Locks.HistoryAsync(Resource))
    {
        seen.Add(happened.Type);
    }
    await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
}
Console.WriteLine($"on record: {string.Join(", ", seen.Take(2).Reverse())}");
