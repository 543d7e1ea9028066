using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>Something that a rule requires of the store, with everything that the script needs to know of it.</summary>
internal abstract record Obligation(PolicyRule Rule)
{
    /// <summary>The caller's live lease.</summary>
    internal sealed record Lease(PolicyRule Rule, ResourceName Resource, string AgentId, long? Token) : Obligation(Rule);

    /// <summary>A place in a rate; <paramref name="Key"/> is the store's.</summary>
    internal sealed record Rate(PolicyRule Rule, string Key) : Obligation(Rule);

    /// <summary>An amount of budgets.</summary>
    internal sealed record Budget(PolicyRule Rule, string Space, BudgetHold Hold) : Obligation(Rule);

    /// <summary>A use of what people approved: once, or as often as a standing grant says.</summary>
    internal sealed record Grant(
        PolicyRule Rule, PolicyQuestion Question, string Id, bool IsStanding, int Uses, DateTimeOffset EndsAt, DateTimeOffset ForgottenAt, IReadOnlyList<string> By) : Obligation(Rule);
}

/// <summary>What the store said to one obligation.</summary>
/// <param name="Obligation">Which one.</param>
/// <param name="Verdict">lease: <c>held</c>, <c>missing</c>, <c>mode</c> or <c>short</c>; rate: <c>free</c>, <c>known</c> or <c>full</c>; budget: <c>fits</c>, <c>known</c>, <c>ended</c>, <c>conflict</c> or <c>full</c>; grant: <c>free</c>, <c>known</c>, <c>full</c>, <c>late</c> or <c>revoked</c>.</param>
/// <param name="LockId">The lease that was found.</param>
/// <param name="Left">How many places are left in the rate.</param>
/// <param name="InMs">How long the lease still lives, or when the rate's oldest place becomes free, or when the budget may fit (-1 for never).</param>
internal sealed record ObligationResult(Obligation Obligation, string Verdict, string? LockId, int Left, long InMs)
{
    public bool IsMet => Verdict is "held" or "free" or "known" or "fits";

    /// <summary>The budgets' counters, after the reservation if it fits.</summary>
    public ReservationRecord? Reservation { get; init; }
}

/// <summary>Calls the policy scripts: what is read of a resource, and what is taken, all or nothing.</summary>
internal sealed class PolicyScripts(ScriptStore store, IOptions<StoreOptions> options, TimeProvider time)
{
    private static readonly Script Look = Script.Named("Policies/Lua/look.lua");
    private static readonly Script Oblige = Script.Named("Policies/Lua/oblige.lua");
    private static readonly Script Return = Script.Named("Policies/Lua/give_back.lua");

    /// <summary>How many windows may end while one decision is made.</summary>
    private const int MostWindows = 4;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);
    private readonly BudgetScripts _budgets = new(store);
    private Reading? _reading;

    /// <summary>
    /// The store's time. It is asked for at most once a second; in between this replica's own stopwatch goes on from there,
    /// so a wall clock that is wrong here is never seen.
    /// </summary>
    public ValueTask<DateTimeOffset> NowAsync(CancellationToken cancellationToken) =>
        Volatile.Read(ref _reading) is { } last && time.GetElapsedTime(last.At) is var since && since < Fresh
            ? ValueTask.FromResult(DateTimeOffset.FromUnixTimeMilliseconds(last.Now) + since)
            : ReadTimeAsync(cancellationToken);

    public async Task<LockFacts> LookAsync(ResourceName resource, string agentId, long? token, CancellationToken cancellationToken)
    {
        var partition = PartitionOf(resource);
        var reply = await RunAsync(Look, partition, [resource.Full, agentId, token?.ToString(CultureInfo.InvariantCulture) ?? ""], cancellationToken);
        var now = reply[1].Number;
        var own = reply[2].Text.Length == 0 ? null : new HeldLease(LockIdOf(reply[2].Text, partition), ModeOf(reply[3].Text), reply[4].Number - now);
        return reply[5].Text.Length == 0
            ? LockFacts.Free with { Lease = own, Waiters = reply[8].Number }
            : new LockFacts(own, reply[5].Text, ModeOf(reply[6].Text), reply[7].Number - now, reply[8].Number);
    }

    /// <summary>
    /// Checks all of them and takes what is to be taken, in one script where they share a partition. On a Cluster, where they
    /// may not, the leases are looked at first, which takes nothing, and the rates are taken in one script of the namespace's partition.
    /// </summary>
    /// <param name="space">The namespace, whose partition has the rates.</param>
    /// <param name="id">Who takes; the same id takes only once in a window.</param>
    /// <param name="take">False only looks.</param>
    /// <param name="obligations">What is required.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<(DateTimeOffset Now, IReadOnlyList<ObligationResult> Results)> ObligeAsync(
        string space, string id, bool take, IReadOnlyList<Obligation> obligations, CancellationToken cancellationToken)
    {
        var home = PartitionOf(space);
        var groups = obligations.GroupBy(obligation => obligation is Obligation.Lease lease ? PartitionOf(lease.Resource) : home).ToList();
        if (groups is [var only])
        {
            return await ObligeAsync(only.Key, id, take, [.. only], cancellationToken);
        }

        var results = new List<ObligationResult>();
        var now = DateTimeOffset.MinValue;
        foreach (var partition in groups.OrderBy(group => group.Key == home))
        {
            var parts = partition.Where(obligation => obligation is Obligation.Lease).ToList();
            if (parts.Count > 0)
            {
                (now, var seen) = await ObligeAsync(partition.Key, id, false, parts, cancellationToken);
                results.AddRange(seen);
            }
        }

        var rates = obligations.Where(obligation => obligation is not Obligation.Lease).ToList();
        if (rates.Count > 0)
        {
            var isMet = results.All(result => result.IsMet || result.Obligation.Rule.IsAudit);
            (now, var taken) = await ObligeAsync(home, id, take && isMet, rates, cancellationToken);
            results.AddRange(taken);
        }

        return (now, results);
    }

    /// <summary>Whether all that is required is in one partition, with what it is required for.</summary>
    public bool AreIn(int partition, string space, IReadOnlyList<Obligation> obligations) =>
        obligations.All(obligation => partition == (obligation is Obligation.Lease lease ? PartitionOf(lease.Resource) : PartitionOf(space)));

    /// <summary>Takes all of them together with what they are required for, in the one script of both.</summary>
    public async Task<(DateTimeOffset Now, IReadOnlyList<ObligationResult> Results)> ObligeAsync(
        IObligedStep step, PolicyStamp stamp, string taker, IReadOnlyList<Obligation> obligations, CancellationToken cancellationToken)
    {
        var windows = await WindowsAsync(obligations, cancellationToken);
        for (var attempt = 0; ; attempt++)
        {
            var reply = await step.RunAsync(stamp, taker, ArgumentsOf(taker, obligations, windows), cancellationToken);
            var (now, results) = (TimeOf(reply), ResultsOf(reply, step.Partition, obligations));
            if (attempt == MostWindows || reply[0].Text != "refused" || !results.Any(IsStale))
            {
                return (now, results);
            }

            windows = now;
        }
    }

    /// <summary>Gives back what an id took at a time, because what it was for was refused.</summary>
    public async Task GiveBackAsync(string space, string id, DateTimeOffset taken, IEnumerable<Obligation.Rate> rates, CancellationToken cancellationToken)
    {
        var arguments = new List<string> { id, taken.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture) };
        foreach (var rate in rates)
        {
            arguments.AddRange([rate.Key, WindowOf(rate)]);
        }

        var partition = PartitionOf(space);
        await store.RunAsync(Return, partition, [store.ChannelOf(partition), .. arguments], cancellationToken);
    }

    /// <summary>Takes reservations back as if they had never been made.</summary>
    public async Task GiveBackAsync(string space, IEnumerable<string> reservations)
    {
        foreach (var id in reservations)
        {
            await _budgets.ReleaseAsync(space, id, "", BudgetRelease.Returned, CancellationToken.None);
        }
    }

    /// <summary>Ends what a rule reserved for an agent that will not spend it.</summary>
    public Task ReleaseAsync(string space, string agentId, string reservation) =>
        _budgets.ReleaseAsync(space, reservation, $"{space}\u0001={agentId}", BudgetRelease.Unused, CancellationToken.None);

    /// <summary>How counters stand.</summary>
    public async Task<IReadOnlyList<CounterView>> CountersAsync(string space, IEnumerable<BudgetSlot> slots, DateTimeOffset now, CancellationToken cancellationToken) =>
        (await _budgets.UsageAsync(space, slots, now, cancellationToken)).Lines;

    /// <summary>The store's name of a rate: namespace, rule, window (another window counts anew) and the key's value, which is hashed when it is long or has what separates them.</summary>
    public static string RateKey(string space, string rule, TimeSpan window, string value) =>
        $"{space}\u0003{rule}\u0003{(long)window.TotalMilliseconds}\u0003{(value.Length <= 128 && !value.Any(char.IsControl) ? $"={value}" : $"#{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)))}")}";

    private async Task<(DateTimeOffset Now, IReadOnlyList<ObligationResult> Results)> ObligeAsync(
        int partition, string id, bool take, IReadOnlyList<Obligation> obligations, CancellationToken cancellationToken)
    {
        var windows = await WindowsAsync(obligations, cancellationToken);
        for (var attempt = 0; ; attempt++)
        {
            var reply = await RunAsync(Oblige, partition, [id, take ? "1" : "0", .. ArgumentsOf(id, obligations, windows)], cancellationToken);
            var (now, results) = (TimeOf(reply), ResultsOf(reply, partition, obligations));
            if (attempt == MostWindows || !results.Any(IsStale))
            {
                return (now, results);
            }

            windows = now;
        }
    }

    /// <summary>The time by which the windows of budgets are worked out; the script refuses those that are over by then.</summary>
    private ValueTask<DateTimeOffset> WindowsAsync(IReadOnlyList<Obligation> obligations, CancellationToken cancellationToken) =>
        obligations.Any(obligation => obligation is Obligation.Budget) ? NowAsync(cancellationToken) : default;

    private static bool IsStale(ObligationResult result) => result.Verdict == "stale";

    private static DateTimeOffset TimeOf(Reply reply) => DateTimeOffset.FromUnixTimeMilliseconds(reply[1].Number);

    /// <summary>In the form of <c>Lua/_lib/obligations.lua</c>.</summary>
    private static string[] ArgumentsOf(string taker, IReadOnlyList<Obligation> obligations, DateTimeOffset windows)
    {
        var arguments = new List<string>(11 * obligations.Count);
        foreach (var obligation in obligations)
        {
            var enforced = obligation.Rule.IsAudit ? "0" : "1";
            switch (obligation)
            {
                case Obligation.Lease lease:
                    var held = lease.Rule.Lock!;
                    var letter = held.Mode switch { "exclusive" => "x", "shared" => "s", _ => "l" };
                    arguments.AddRange(["lock", lease.Resource.Full, lease.AgentId, Text(lease.Token), letter, Text(held.MinRemainingMs), enforced]);
                    break;
                case Obligation.Rate rate:
                    arguments.AddRange(["rate", rate.Key, Text(rate.Rule.Rate!.Limit), WindowOf(rate), enforced, ""]);
                    break;
                case Obligation.Budget budget:
                    arguments.AddRange(["budget", budget.Space, .. budget.Hold.Arguments(windows), enforced]);
                    break;
                case Obligation.Grant grant:
                    arguments.AddRange(["grant", .. GrantScripts.Arguments(grant, taker)]);
                    break;
            }
        }

        return [.. arguments];
    }

    private static List<ObligationResult> ResultsOf(Reply reply, int partition, IReadOnlyList<Obligation> obligations)
    {
        var results = new List<ObligationResult>(obligations.Count);
        for (var index = 0; index < obligations.Count; index++)
        {
            var (verdict, first, ms) = (reply[(3 * index) + 2].Text, reply[(3 * index) + 3].Text, reply[(3 * index) + 4].Number);
            results.Add(obligations[index] is Obligation.Budget
                ? new ObligationResult(obligations[index], verdict, null, 0, ms) { Reservation = first.Length > 0 ? ReservationRecord.Parse(first) : null }
                : obligations[index] is Obligation.Lease
                ? new ObligationResult(obligations[index], verdict, first.Length > 0 ? LockIdOf(first, partition) : null, 0, ms)
                : new ObligationResult(obligations[index], verdict, null, int.Parse(first, CultureInfo.InvariantCulture), ms));
        }

        return results;
    }

    private async ValueTask<DateTimeOffset> ReadTimeAsync(CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        var reply = await RunAsync(Oblige, 0, ["", "0"], cancellationToken);
        Volatile.Write(ref _reading, new Reading(asked, reply[1].Number));
        return DateTimeOffset.FromUnixTimeMilliseconds(reply[1].Number);
    }

    /// <summary>Runs a script in the partition that has what is counted in a namespace.</summary>
    public ValueTask<Reply> RunAtHomeAsync(Script script, string space, string[] arguments, CancellationToken cancellationToken) =>
        RunAsync(script, PartitionOf(space), arguments, cancellationToken);

    /// <summary>What was written until now survives the store's end.</summary>
    public ValueTask PersistAsync(CancellationToken cancellationToken) => store.Engine.PersistAsync(cancellationToken);

    /// <summary>The partition that has what is counted in a namespace.</summary>
    public int HomeOf(string space) => PartitionOf(space);

    private ValueTask<Reply> RunAsync(Script script, int partition, string[] arguments, CancellationToken cancellationToken) =>
        store.RunAsync(script, partition, [store.ChannelOf(partition), "", .. arguments], cancellationToken);

    private int PartitionOf(ResourceName resource) => resource.Partition(Partitions, options.Value.GroupBy);

    private int PartitionOf(string space) => new ResourceName(space, "", "").Partition(Partitions, "namespace");

    private int Partitions => store.Partitions is > 0 and var count ? count : throw StoreException.Unavailable(store.NotStartedBecause);

    private static string LockIdOf(string requestId, int partition) => string.Create(CultureInfo.InvariantCulture, $"{requestId}.{partition}");

    private static string ModeOf(string letter) => letter switch { "x" => "exclusive", "s" => "shared", "l" => "slots", _ => "" };

    private static string WindowOf(Obligation.Rate rate) => Text((long)rate.Rule.Rate!.Window.TotalMilliseconds);

    private static string Text(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "";

    private sealed record Reading(long At, long Now);
}
