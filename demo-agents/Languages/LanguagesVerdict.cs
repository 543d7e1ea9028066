using System.Text.RegularExpressions;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Demo.Languages;

/// <summary>Checks the record, and the service's own account of who held it, against what must have happened in any language.</summary>
internal sealed partial class LanguagesVerdict(
    MeshClient mesh, string resource, FencedFile file, IReadOnlyCollection<long> refused, IReadOnlyList<Contender> contenders, bool scripted)
{
    /// <summary>What the starter policy lets a junior spend; the agents themselves read it from the answer.</summary>
    private const decimal Limit = 100m;

    private static readonly TimeSpan WrittenDown = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var record = file.Read();
        Console.WriteLine();
        foreach (var note in record.Notes)
        {
            Console.WriteLine($"  {note.Token}  {note.By,-10} {note.Amount,6}  {note.Text}");
        }
        Console.WriteLine($"  balance {record.Balance}, opened with {record.Opening}");

        var tokens = record.Notes.Select(note => note.Token).ToList();
        var order = contenders.OrderByDescending(contender => contender.Priority).ToList();
        Check(record.Notes.Select(note => (note.By, note.Text)).SequenceEqual(order.Select(contender => (contender.Name, contender.Claim))), "each claim was paid exactly once, in the order of the priorities");
        Check(tokens.Zip(tokens.Skip(1)).All(pair => pair.First < pair.Second), "the fencing tokens rise from update to update");
        Check(record.IsWhole && record.Opening == LanguagesConductor.Opening, "the balance is the opening balance and all updates: nobody overwrote anybody");
        Check(refused.Count == 0 && await file.HighestTokenAsync() == tokens[^1], "nobody came to the record with a token that was too old");
        CheckHistory(await HistoryAsync(cancellationToken), [.. order.Select(contender => contender.Name)]);
        await CheckDenialsAsync(record, cancellationToken);
    }

    /// <summary>It is complete when every grant has its end: the clerk's, and at least one for each of the three.</summary>
    private Task<List<MeshEvent>> HistoryAsync(CancellationToken cancellationToken) => SettledAsync(
        mesh.Events.ListAsync(new() { Resource = resource }, cancellationToken: cancellationToken),
        history => history.Count(happened => happened.Type == "lock.granted") is var grants && grants > contenders.Count
            && grants == history.Count(happened => happened.Type == "lock.released"),
        cancellationToken);

    /// <summary>What the service writes down can be read a moment after the fact.</summary>
    private static async Task<List<T>> SettledAsync<T>(IAsyncEnumerable<T> list, Func<List<T>, bool> isComplete, CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var found = new List<T>();
            await foreach (var item in list.WithCancellation(cancellationToken))
            {
                found.Add(item);
            }
            if (isComplete(found) || TimeProvider.System.GetElapsedTime(started) > WrittenDown)
            {
                return found;
            }
            await Task.Delay(LookAgain, TimeProvider.System, cancellationToken);
        }
    }

    private static void CheckHistory(IReadOnlyList<MeshEvent> history, IReadOnlyList<string> order)
    {
        var holds = history.Where(happened => happened.Type != "lock.queued").ToList();
        Check(
            holds.Chunk(2).All(pair => pair is [{ Type: "lock.granted" }, { Type: "lock.released" }] && pair[0].LockId == pair[1].LockId),
            "the journal has every grant with its release before the next grant: nobody overlapped");
        var freed = history.First(happened => happened.Type == "lock.released").Id;
        var waited = history.Where(happened => happened.Type == "lock.queued" && happened.Id < freed).Select(happened => happened.AgentId);
        Check(order.All(name => waited.Contains(name)), "all three were in the queue before the first of them was granted");
        var granted = holds.Where(happened => happened.Type == "lock.granted").Select(happened => happened.AgentId).Skip(1).Distinct();
        Check(granted.SequenceEqual(order), $"they were granted by priority: {string.Join(", ", order)}");
    }

    private async Task CheckDenialsAsync(CustomerRecord record, CancellationToken cancellationToken)
    {
        var told = contenders.Where(contender => contender.Denials.Any()).Select(contender => contender.Name).ToList();
        var denials = await SettledAsync(
            mesh.Policies.DecisionsAsync(decision: PolicyVerdict.Deny, cancellationToken: cancellationToken), found => found.Count >= told.Count, cancellationToken);
        var denied = denials.Select(denial => denial.AgentId).ToHashSet();
        Check(denials.All(denial => denial.Rules.SequenceEqual(["spend-limit"])), "all that was denied was over the limit on what a junior may spend");
        Check(denied.SetEquals(told), "whoever was denied was told so, and nobody else");
        // A real model may guess that it should ask for little; the scripts ask for all.
        Check(!scripted || denied.Count == contenders.Count, "each of them asked for more than it may at first");
        Check(record.Notes.All(note => -note.Amount is > 0 and <= Limit), $"each of them paid back no more than the ${Limit} that it was told");
        var words = contenders.SelectMany(contender => contender.Denials).Select(text => Cost().Replace(text, "Cost $…")).Distinct();
        Check(words.Count() <= 1, "their models read the same words");
    }

    private static void Check(bool holds, string what)
    {
        Console.WriteLine($"  {(holds ? "ok    " : "FAILED")} {what}");
        if (!holds)
        {
            throw new DemoException($"It does not hold that {what}.");
        }
    }

    [GeneratedRegex(@"Cost \$[\d.]+")]
    private static partial Regex Cost();
}
