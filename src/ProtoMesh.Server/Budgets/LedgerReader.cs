using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Budgets;

/// <summary>What the ledger says that a counter has to be: one entry for each part of a rolling window, else one.</summary>
internal sealed record LedgerSums(long Held, IReadOnlyList<LedgerBucket> Buckets)
{
    public long Spent => Buckets.Sum(bucket => bucket.Spent);
}

internal sealed record LedgerBucket(long Index, long Spent, long ToppedUp, long Disputed);

/// <summary>Reads the ledger.</summary>
internal sealed class LedgerReader(IDbContextFactory<MeshDb> factory)
{
    /// <param name="agents">Whose entries; null for anybody's.</param>
    /// <param name="before">The id that the page before ended with.</param>
    public async Task<List<LedgerRow>> ListAsync(
        string space, string budget, string? key, string? reservationId, (string Only, bool IsPrefix)? agents, long? before, int limit, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        var rows = db.Set<LedgerRow>().AsNoTracking().Where(row => row.Namespace == space && row.Budget == budget);
        rows = key is not null ? rows.Where(row => row.Key == key) : rows;
        rows = reservationId is not null ? rows.Where(row => row.ReservationId == reservationId) : rows;
        rows = before is not null ? rows.Where(row => row.Id < before) : rows;
        rows = agents is not var (only, isPrefix) ? rows : isPrefix ? rows.Where(row => row.AgentId != null && row.AgentId.Substring(0, only.Length) == only) : rows.Where(row => row.AgentId == only);
        return await rows.OrderByDescending(row => row.Id).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>The sums of a counter in the window of a time.</summary>
    public async Task<LedgerSums> SumAsync(string space, BudgetSlot slot, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var (name, unit, shape, window, key) = (slot.Budget.Name, slot.Budget.Unit, slot.Budget.Window.Shape, slot.Window(now), slot.Key);
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        var all = db.Set<LedgerRow>().AsNoTracking().Where(row => row.Namespace == space && row.Budget == name && row.Key == key && row.Unit == unit && row.Shape == shape && row.Window == window);
        var held = await all.SumAsync(
            row => row.Kind == "reserved" ? row.Amount : row.Kind == "released" || row.Kind == "expired" || (row.Kind == "committed" && !row.Late) ? -row.Amount : 0, cancellationToken);
        var (width, from) = slot.Budget.Window is BudgetWindow.Rolling rolling ? (rolling.BucketMs, rolling.FirstBucket(now) * rolling.BucketMs) : (long.MaxValue, 0);
        var buckets = await all.Where(row => row.CreatedMs >= from && (row.Kind == "committed" || row.Kind == "topped_up"))
            .GroupBy(row => row.CreatedMs / width)
            .Select(group => new LedgerBucket(
                group.Key, group.Sum(row => row.Actual ?? 0), group.Sum(row => row.Kind == "topped_up" ? row.Amount : 0), group.Sum(row => row.Verification == "disputed" ? 1L : 0L)))
            .ToListAsync(cancellationToken);
        return new LedgerSums(Math.Max(0, held), [.. buckets.OrderBy(bucket => bucket.Index)]);
    }
}
