using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ProtoMesh.Server.Budgets;

/// <summary>A change of one budget, for good: rows are added in the transaction of the journal's event, and never changed.</summary>
internal sealed class LedgerRow
{
    /// <summary>The journal's id of the event, times eight, and which of its budgets.</summary>
    public long Id { get; init; }

    public DateTime At { get; init; }

    public required string Kind { get; init; }

    public required string Namespace { get; init; }

    public required string Budget { get; init; }

    /// <summary>Empty where there is one counter for all.</summary>
    public required string Key { get; init; }

    public required string Unit { get; init; }

    /// <summary>The window's kind, as the store names it.</summary>
    public required string Shape { get; init; }

    /// <summary>The ends of a calendar window in ms; else empty.</summary>
    public required string Window { get; init; }

    /// <summary>When the reservation was made, in ms: the part of a rolling window that it counts in.</summary>
    public long CreatedMs { get; init; }

    public string? ReservationId { get; init; }

    public string? AgentId { get; init; }

    public string? RunId { get; init; }

    public long Amount { get; init; }

    public long? Actual { get; init; }

    public bool Late { get; init; }

    public bool Overrun { get; init; }

    public string? Verification { get; init; }

    public long? Claimed { get; init; }

    public long? Recomputed { get; init; }

    public string? Model { get; init; }

    public string? PriceTable { get; init; }

    public string? Rule { get; init; }

    public string? Reason { get; init; }

    public string? By { get; init; }
}

internal sealed class LedgerTable : IEntityTypeConfiguration<LedgerRow>
{
    public void Configure(EntityTypeBuilder<LedgerRow> builder)
    {
        builder.ToTable("budget_ledger").HasKey(row => row.Id);
        builder.Property(row => row.Id).ValueGeneratedNever();
        builder.HasIndex(row => new { row.Namespace, row.Budget, row.Key, row.Id });
        builder.HasIndex(row => new { row.Namespace, row.ReservationId, row.Id });
    }
}
