namespace ProtoMesh.Demo;

/// <summary>Checks the shared file, and the service's own record of who held it, against what the play must have led to.</summary>
internal sealed class Verdict(Uri url, FencedFile file, Tokens tokens, decimal opening)
{
    private static readonly TimeSpan JournalLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan JournalAgain = TimeSpan.FromMilliseconds(100);
    private static readonly string[] Holders = ["intake", "refunds", "audit", "intake", "audit"];

    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var record = file.Read();
        Console.WriteLine();
        foreach (var note in record.Notes)
        {
            Console.WriteLine($"  {note.Token}  {note.By,-8} {note.Amount,6}  {note.Text}");
        }
        Console.WriteLine($"  balance {record.Balance}, opened with {record.Opening}");

        long[] granted = [tokens.Crashed, tokens.Refunded, tokens.Stale, tokens.Redone, tokens.Audited];
        Check(granted.Zip(granted.Skip(1)).All(pair => pair.First < pair.Second), "tokens rise from grant to grant");
        Check(record.Notes.Select(note => (note.By, note.Token)).SequenceEqual(
            [("refunds", tokens.Refunded), ("intake", tokens.Redone), ("audit", tokens.Audited)]), "three updates survived, each once, in token order");
        Check(record.IsWhole && record.Opening == opening, "the balance is the opening balance and the surviving updates");
        Check(tokens.Refused == tokens.Stale, "the stale writer was refused under the token it had lost");
        Check(await file.HighestTokenAsync() == tokens.Audited, "the register saw no token higher than the last holder's");

        await using var mesh = new MeshClient(new MeshClientOptions { BaseUrls = [url], AgentId = "conductor" });
        Check(!(await mesh.Fences.ValidateAsync(Agent.Resource, tokens.Stale, cancellationToken: cancellationToken)).Valid, "the service calls the stale token dead");
        await CheckHistoryAsync(mesh, cancellationToken);
    }

    /// <summary>Events reach the journal a moment after the fact; a history begins with the newest.</summary>
    private static async Task CheckHistoryAsync(MeshClient mesh, CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        List<string?> holders;
        do
        {
            await Task.Delay(JournalAgain, TimeProvider.System, cancellationToken);
            holders = [];
            await foreach (var happened in mesh.Locks.HistoryAsync(Agent.Resource, cancellationToken: cancellationToken))
            {
                if (happened.Type == "lock.granted")
                {
                    holders.Add(happened.AgentId);
                }
            }
        }
        while (holders.Count < Holders.Length && TimeProvider.System.GetElapsedTime(started) < JournalLimit);
        holders.Reverse();
        Check(holders.SequenceEqual(Holders), "the journal has the five grants in the same order");
    }

    private static void Check(bool holds, string what)
    {
        Console.WriteLine($"  {(holds ? "ok    " : "FAILED")} {what}");
        if (!holds)
        {
            throw new DemoException($"It does not hold that {what}.");
        }
    }
}
