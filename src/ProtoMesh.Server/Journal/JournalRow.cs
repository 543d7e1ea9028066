using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ProtoMesh.Server.Journal;

/// <summary>One event as it is kept. Its <see cref="Id"/> is taken inside the transaction, so ids are in commit order.</summary>
internal sealed class JournalRow
{
    public long Id { get; set; }

    public int Partition { get; init; }

    public long Epoch { get; init; }

    public long Counter { get; init; }

    public required string Type { get; init; }

    public DateTime At { get; init; }

    public required string Namespace { get; init; }

    /// <summary>Null when the event is about several; they are in <see cref="Resources"/> then.</summary>
    public string? Resource { get; init; }

    public string? LockId { get; init; }

    public string? RequestId { get; init; }

    public string? AgentId { get; init; }

    public string? SessionId { get; init; }

    public long? FencingToken { get; init; }

    public string? Cause { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Data { get; init; }

    public List<JournalRowResource> Resources { get; init; } = [];
}

/// <summary>One of the several resources of an event.</summary>
internal sealed class JournalRowResource
{
    public long EventId { get; set; }

    public required string Namespace { get; init; }

    public required string Resource { get; init; }
}

/// <summary>How far the journal has followed a partition. Never deleted: retention must not forget the highest token.</summary>
internal sealed class JournalCursor
{
    public int Partition { get; init; }

    public required string StoreId { get; set; }

    /// <summary>0 until the partition is known to have been opened under <see cref="StoreId"/>.</summary>
    public long Epoch { get; set; }

    public long Counter { get; set; }

    public long MaxToken { get; set; }

    public DateTime UpdatedAt { get; set; }
}

/// <summary>The one row that ids come from; the lock on it is what puts transactions in order.</summary>
internal sealed class JournalIds
{
    public int Id { get; init; }

    public long NextId { get; init; }
}

internal sealed class JournalTables :
    IEntityTypeConfiguration<JournalRow>, IEntityTypeConfiguration<JournalRowResource>,
    IEntityTypeConfiguration<JournalCursor>, IEntityTypeConfiguration<JournalIds>
{
    public void Configure(EntityTypeBuilder<JournalRow> builder)
    {
        builder.ToTable("journal_events").HasKey(row => row.Id);
        builder.Property(row => row.Id).ValueGeneratedNever();
        builder.HasIndex(row => new { row.Partition, row.Epoch, row.Counter }).IsUnique();
        builder.HasIndex(row => new { row.Namespace, row.Resource, row.Id });
        builder.HasIndex(row => new { row.AgentId, row.Id });
        builder.HasIndex(row => new { row.Type, row.Id });
        builder.HasMany(row => row.Resources).WithOne().HasForeignKey(resource => resource.EventId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<JournalRowResource> builder)
    {
        builder.ToTable("journal_event_resources").HasKey(resource => new { resource.EventId, resource.Namespace, resource.Resource });
        builder.HasIndex(resource => new { resource.Namespace, resource.Resource, resource.EventId });
    }

    public void Configure(EntityTypeBuilder<JournalCursor> builder)
    {
        builder.ToTable("journal_cursors").HasKey(cursor => cursor.Partition);
        builder.Property(cursor => cursor.Partition).ValueGeneratedNever();
    }

    public void Configure(EntityTypeBuilder<JournalIds> builder)
    {
        builder.ToTable("journal_ids").HasKey(ids => ids.Id);
        builder.Property(ids => ids.Id).ValueGeneratedNever();
        builder.HasData(new JournalIds { Id = 1, NextId = 1 });
    }
}
