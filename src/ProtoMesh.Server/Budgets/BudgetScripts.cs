using System.Globalization;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Budgets;

/// <summary>What is to be reserved.</summary>
internal sealed record BudgetHold
{
    public required string ReservationId { get; init; }

    /// <summary>Two holds of one id are the same when this is.</summary>
    public required string Digest { get; init; }

    public required string AgentId { get; init; }

    public required string Unit { get; init; }

    public required long Amount { get; init; }

    public required long HoldMs { get; init; }

    public required IReadOnlyList<BudgetSlot> Slots { get; init; }

    public string? RunId { get; init; }

    public string? Rule { get; init; }

    /// <summary>What the scripts read of it: id, digest, agent, unit, amount, time, lines and payload.</summary>
    public string[] Arguments(DateTimeOffset now) =>
    [
        ReservationId, Digest, AgentId, Unit, Text(Amount), Text(HoldMs), string.Join('\u0002', Slots.Select(slot => slot.Text(now))),
        new ReservationPayload { ReservationId = ReservationId, Unit = Unit, Amount = Amount, RunId = RunId, Rule = Rule, Budgets = ReservationPayload.LinesOf(Slots, now) }.ToStore(),
    ];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What a reservation has cost.</summary>
internal sealed record BudgetSettlement(long Actual, string Digest, string Verification, long? Claimed, long? Recomputed, string? Model, string? PriceTable);

/// <summary>What a script said of a reservation.</summary>
internal sealed record BudgetReply(string Verdict, DateTimeOffset Now, ReservationRecord? Record, long Ms);

/// <summary>What a script said of counters.</summary>
internal sealed record CounterReply(string Verdict, DateTimeOffset Now, EventId Newest, IReadOnlyList<CounterView> Lines);

/// <summary>Why a reservation ends of which nothing was spent.</summary>
internal enum BudgetRelease
{
    /// <summary>Its agent says so.</summary>
    Asked,

    /// <summary>A rule reserved it for a lease that never came; what an agent reserved by itself stays.</summary>
    Unused,

    /// <summary>As if it had never been made: the same id may reserve again.</summary>
    Returned,
}

/// <summary>Calls the budget scripts: one round trip a call. Counters live in the partition of their namespace, as rates do.</summary>
internal sealed class BudgetScripts(ScriptStore store)
{
    /// <summary>How often a window may end between two calls before it is a fault.</summary>
    private const int MostStale = 4;
    private static readonly Script ReserveScript = Script.Named("Budgets/Lua/reserve.lua");
    private static readonly Script CommitScript = Script.Named("Budgets/Lua/commit.lua");
    private static readonly Script ReleaseScript = Script.Named("Budgets/Lua/release.lua");
    private static readonly Script FindScript = Script.Named("Budgets/Lua/find.lua");
    private static readonly Script UsageScript = Script.Named("Budgets/Lua/usage.lua");
    private static readonly Script TopUpScript = Script.Named("Budgets/Lua/top_up.lua");
    private static readonly Script RebuildScript = Script.Named("Budgets/Lua/rebuild.lua");

    /// <summary>The store's time.</summary>
    public async ValueTask<DateTimeOffset> NowAsync(string space, CancellationToken cancellationToken) => Time((await RunAsync(UsageScript, space, [], cancellationToken))[1]);

    /// <param name="now">When it is about; a window that has ended by then is asked for again with the store's own time.</param>
    public async Task<BudgetReply> ReserveAsync(string space, BudgetHold hold, DateTimeOffset now, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            var reply = await RunAsync(ReserveScript, space, hold.Arguments(now), cancellationToken);
            if (attempt == MostStale)
            {
                throw StoreException.Unavailable("The store's time moves faster than the windows of its budgets.");
            }

            if (reply[0].Text != "stale")
            {
                return new BudgetReply(reply[0].Text, Time(reply[1]), ReservationRecord.Parse(reply[2].Text), reply[3].Number);
            }

            now = Time(reply[1]);
        }
    }

    public async Task<BudgetReply> CommitAsync(string space, string id, string guard, BudgetSettlement settlement, CancellationToken cancellationToken) => Of(await RunAsync(CommitScript, space,
    [
        id, guard, Text(settlement.Actual), settlement.Digest, settlement.Verification, Text(settlement.Claimed), Text(settlement.Recomputed),
        settlement.Model is null ? "" : $"model={settlement.Model}{(settlement.PriceTable is { } table ? $"\u0002price_table={table}" : "")}",
    ], cancellationToken));

    public async Task<BudgetReply> ReleaseAsync(string space, string id, string guard, BudgetRelease why, CancellationToken cancellationToken) =>
        Of(await RunAsync(ReleaseScript, space, [id, guard, why switch { BudgetRelease.Returned => "return", BudgetRelease.Unused => "wait", _ => "release" }], cancellationToken));

    public async Task<BudgetReply> FindAsync(string space, string id, string guard, CancellationToken cancellationToken) => Of(await RunAsync(FindScript, space, [id, guard], cancellationToken));

    public async Task<CounterReply> UsageAsync(string space, IEnumerable<BudgetSlot> slots, DateTimeOffset now, CancellationToken cancellationToken) =>
        OfCounters(await RunAsync(UsageScript, space, [.. slots.Select(slot => slot.Text(now))], cancellationToken));

    public async Task<CounterReply> TopUpAsync(string space, BudgetSlot slot, ReservationPayload payload, string? id, string digest, DateTimeOffset now, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            var told = payload with { Budgets = ReservationPayload.LinesOf([slot], now) };
            var reply = OfCounters(await RunAsync(TopUpScript, space, [slot.Text(now), Text(payload.Amount), id ?? "", digest, told.ToStore()], cancellationToken));
            if (reply.Verdict != "stale" || attempt == MostStale)
            {
                return reply;
            }

            now = reply.Now;
        }
    }

    /// <param name="buckets"><c>index,spent,topped up,disputed</c>, joined by \u0002.</param>
    public async Task<CounterReply> RebuildAsync(
        string space, BudgetSlot slot, DateTimeOffset now, string seen, long held, string buckets, ReservationPayload payload, CancellationToken cancellationToken) =>
        OfCounters(await RunAsync(RebuildScript, space, [slot.Text(now), seen, Text(held), buckets, (payload with { Budgets = ReservationPayload.LinesOf([slot], now) }).ToStore()], cancellationToken));

    /// <summary>The partition of a namespace's counters.</summary>
    public int PartitionOf(string space) => store.Partitions is > 0 and var count
        ? new ResourceName(space, "", "").Partition(count, "namespace") : throw StoreException.Unavailable(store.NotStartedBecause);

    private ValueTask<Reply> RunAsync(Script script, string space, string[] arguments, CancellationToken cancellationToken)
    {
        var partition = PartitionOf(space);
        return store.RunAsync(script, partition, [store.ChannelOf(partition), "", space, .. arguments], cancellationToken);
    }

    private static BudgetReply Of(Reply reply) => new(reply[0].Text, Time(reply[1]), reply[2].Text is { Length: > 0 } view ? ReservationRecord.Parse(view) : null, 0);

    private static CounterReply OfCounters(Reply reply) =>
        new(reply[0].Text, Time(reply[1]), EventId.Parse(reply[2].Text), [.. reply.Items.Skip(3).Select(item => CounterView.Parse(item.Text))]);

    private static DateTimeOffset Time(Reply reply) => DateTimeOffset.FromUnixTimeMilliseconds(reply.Number);

    private static string Text(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "";
}
