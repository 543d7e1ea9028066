using ProtoMesh.Contracts.Journal;

namespace ProtoMesh.Demo;

/// <summary>Checks the shared file, and the service's own record of who held it, against what the play must have led to.</summary>
internal sealed class Verdict(Uri url, string run, FencedFile file, Tokens tokens, decimal opening)
{
    /// <summary>What the starter policy lets a junior spend; the agent itself reads it from the answer.</summary>
    private const decimal Limit = 100m;

    private static readonly TimeSpan JournalLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan JournalAgain = TimeSpan.FromMilliseconds(100);
    private static readonly string[] Holders = ["intake", "refunds", "audit", "intake", "audit", "refunds"];

    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var record = file.Read();
        Console.WriteLine();
        foreach (var note in record.Notes)
        {
            Console.WriteLine($"  {note.Token}  {note.By,-8} {note.Amount,6}  {note.Text}");
        }
        Console.WriteLine($"  balance {record.Balance}, opened with {record.Opening}");

        long[] granted = [tokens.Crashed, tokens.Refunded, tokens.Stale, tokens.Redone, tokens.Audited, tokens.Allowed];
        Check(granted.Zip(granted.Skip(1)).All(pair => pair.First < pair.Second), "tokens rise from grant to grant");
        Check(record.Notes.Select(note => (note.By, note.Token)).SequenceEqual(
            [("refunds", tokens.Refunded), ("intake", tokens.Redone), ("audit", tokens.Audited), ("refunds", tokens.Allowed)]), "four updates survived, each once, in token order");
        Check(record.IsWhole && record.Opening == opening, "the balance is the opening balance and the surviving updates");
        Check(tokens.DeniedBy.SequenceEqual(["spend-limit", "hold-the-lock"]), "the policy denied what was over the limit, and a write without the lock");
        Check(record.Notes[^1].Amount == -Limit, $"the agent that wanted ${Refund.Wanted} paid back the ${Limit} that it was told");
        Check(tokens.Refused == tokens.Stale, "the stale writer was refused under the token it had lost");
        Check(await file.HighestTokenAsync() == tokens.Allowed, "the register saw no token higher than the last holder's");

        await using var mesh = new MeshClient(new MeshClientOptions { BaseUrls = [url], AgentId = "conductor", Namespace = run });
        Check(!(await mesh.Fences.ValidateAsync(Agent.Resource, tokens.Stale, cancellationToken: cancellationToken)).Valid, "the service calls the stale token dead");
        await CheckHistoryAsync(mesh, cancellationToken);
    }

    /// <summary>Events reach the journal a moment after the fact; a history begins with the newest.</summary>
    private async Task CheckHistoryAsync(MeshClient mesh, CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        List<string?> holders;
        string? decision = null;
        do
        {
            await Task.Delay(JournalAgain, TimeProvider.System, cancellationToken);
            holders = [];
            await foreach (var happened in mesh.Locks.HistoryAsync(Agent.Resource, cancellationToken: cancellationToken))
            {
                if (happened.Type == "lock.granted")
                {
                    // The newest comes first, and it is the only one that named an action.
                    decision = holders.Count == 0 ? DecisionOf(happened) : decision;
                    holders.Add(happened.AgentId);
                }
            }
        }
        while (holders.Count < Holders.Length && TimeProvider.System.GetElapsedTime(started) < JournalLimit);
        holders.Reverse();
        Check(holders.SequenceEqual(Holders), "the journal has the six grants in the same order");
        Check(decision is not null && decision == tokens.Decision, "the journal has the decision that allowed the last of them");
    }

    private static string? DecisionOf(MeshEvent granted) =>
        granted.Data is { } data && data.TryGetProperty("request", out var request) && request.TryGetProperty("decision", out var decision)
            ? decision.GetProperty("decision_id").GetString()
            : null;

    private static void Check(bool holds, string what)
    {
        Console.WriteLine($"  {(holds ? "ok    " : "FAILED")} {what}");
        if (!holds)
        {
            throw new DemoException($"It does not hold that {what}.");
        }
    }
}
