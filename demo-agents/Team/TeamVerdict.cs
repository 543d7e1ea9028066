using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Demo.Team;

/// <summary>Prints the ledger and checks that it adds up, and that one yes led to one deployment.</summary>
internal sealed class TeamVerdict(MeshClient admin, string team, IReadOnlyList<ModelCall> made)
{
    private const string Budget = "team-day";
    private static readonly TimeSpan JournalLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan JournalAgain = TimeSpan.FromMilliseconds(100);

    public async Task CheckAsync(string used, string tooMuch, string production, CancellationToken cancellationToken)
    {
        var ledger = await LedgerAsync(cancellationToken);
        Console.WriteLine();
        foreach (var entry in ledger)
        {
            Console.WriteLine($"  {entry.At:HH:mm:ss.fff}  {entry.AgentId,-10} {entry.Kind,-10} {Member.Dollars(entry.Amount)}{(entry.Actual is { } actual ? $"  cost {Member.Dollars(actual)}" : "")}{(entry.Overrun == true ? ", more than was reserved" : "")}");
        }
        var usage = await admin.Budgets.UsageAsync(Budget, team, cancellationToken: cancellationToken);
        Console.WriteLine($"  {Budget} of {team}: {Member.Dollars(usage.Spent)} of {Member.Dollars(usage.Cap)} spent, {Member.Dollars(usage.Held)} held, {Member.Dollars(usage.Left)} left");

        var approvals = new List<Approval>();
        await foreach (var approval in admin.Approvals.ListAsync(cancellationToken: cancellationToken))
        {
            approvals.Add(approval);
        }
        var paid = made.Sum(call => call.Actual);
        Check(production == Member.Version, "the approved version is in production");
        Check(approvals is [{ State: "consumed", Votes: [{ Vote: "approve" }] }], "there was one approval, by one person, and it was used once");
        Check(used.Contains("again", StringComparison.OrdinalIgnoreCase), "a second deployment was not let by the same yes");
        Check(tooMuch.Contains(Budget, StringComparison.Ordinal), "the agent that wanted more than was left was told so");
        Check(ledger.Where(entry => entry.Kind == "committed").Select(entry => entry.Actual).SequenceEqual(made.Select(call => (long?)call.Actual)), "the ledger has every call that was made, each once, in order");
        Check(usage.Spent == paid && usage.LedgerSpent == paid && usage.Drift == 0, $"ledger, counter and what the provider took are the same: {Member.Dollars(paid)}");
        Check(usage.Held == 0 && usage.Left == usage.Cap - paid, "nothing is held, and what is left is the rest");
    }

    /// <summary>Oldest first. Entries reach the ledger a moment after the fact.</summary>
    private async Task<List<LedgerEntry>> LedgerAsync(CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        List<LedgerEntry> entries;
        do
        {
            await Task.Delay(JournalAgain, TimeProvider.System, cancellationToken);
            entries = [];
            await foreach (var entry in admin.Budgets.LedgerAsync(Budget, team, cancellationToken: cancellationToken))
            {
                entries.Add(entry);
            }
        }
        while (entries.Count < 2 * made.Count && TimeProvider.System.GetElapsedTime(started) < JournalLimit);
        return [.. entries.OrderBy(entry => entry.Id)];
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
