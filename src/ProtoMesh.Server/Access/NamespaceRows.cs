using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ProtoMesh.Server.Access;

/// <summary>The settings of a namespace since a change. Rows are only added; the highest revision of a namespace counts.</summary>
internal sealed class NamespaceRow
{
    public required string Namespace { get; init; }

    /// <summary>From 1; the key is what lets only one of two changes win.</summary>
    public long Revision { get; init; }

    /// <summary>A JSON object as the call had it, without its comment.</summary>
    public required string Settings { get; init; }

    public string? Comment { get; init; }

    public string? By { get; init; }

    public DateTime At { get; init; }
}

internal sealed class NamespaceTable : IEntityTypeConfiguration<NamespaceRow>
{
    public void Configure(EntityTypeBuilder<NamespaceRow> builder)
    {
        builder.ToTable("namespaces").HasKey(row => new { row.Namespace, row.Revision });
        builder.Property(row => row.Revision).ValueGeneratedNever();
    }
}
