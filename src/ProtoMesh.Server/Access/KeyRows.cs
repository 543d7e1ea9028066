using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ProtoMesh.Server.Access;

/// <summary>A key. It is never deleted, so that what was done with it stays explained.</summary>
internal sealed class KeyRow
{
    /// <summary>16 hexadecimal digits.</summary>
    public required string KeyId { get; init; }

    /// <summary><see cref="AccessKey.Everywhere"/> or one namespace.</summary>
    public required string Namespace { get; init; }

    public required string Role { get; init; }

    public string? AgentId { get; init; }

    public string? AgentPrefix { get; init; }

    public string? Team { get; init; }

    /// <summary>A JSON object of texts.</summary>
    public required string Labels { get; init; }

    /// <summary>A JSON array of the groups of approvers that it is of.</summary>
    public string Groups { get; init; } = "[]";

    public int? MaxPriority { get; init; }

    public long? MaxTtlMs { get; init; }

    public string? Name { get; init; }

    public string? Comment { get; init; }

    /// <summary>Of the secret, in hexadecimal. The secret itself is kept nowhere.</summary>
    public required string Sha256 { get; set; }

    /// <summary>Of the secret before the last rotation, which is good until <see cref="PreviousUntil"/>.</summary>
    public string? PreviousSha256 { get; set; }

    public DateTime? PreviousUntil { get; set; }

    public DateTime CreatedAt { get; init; }

    public required string CreatedBy { get; init; }

    public DateTime? ExpiresAt { get; init; }

    public DateTime? RotatedAt { get; set; }

    public DateTime? RevokedAt { get; set; }

    public string? RevokedBy { get; set; }

    /// <summary>Written at most once a minute, and by whichever replica saw it.</summary>
    public DateTime? LastUsedAt { get; set; }

    /// <summary>Of the last change, so that replicas read what is new.</summary>
    public long Revision { get; set; }
}

/// <summary>Who did what to a key. Rows are only added.</summary>
internal sealed class KeyChangeRow
{
    /// <summary>From 1, in the order in which the changes were committed.</summary>
    public long Revision { get; init; }

    public DateTime At { get; init; }

    public required string KeyId { get; init; }

    /// <summary>That of the key.</summary>
    public required string Namespace { get; init; }

    /// <summary><c>created</c>, <c>rotated</c> or <c>revoked</c>.</summary>
    public required string What { get; init; }

    /// <summary>The id of a key, or <c>bootstrap</c>.</summary>
    public required string By { get; init; }

    /// <summary>A JSON object of what the key may, or of how it was rotated. Never a secret or its digest.</summary>
    public required string Data { get; init; }
}

/// <summary>One row, which makes the changes a sequence and remembers that there was a key once.</summary>
internal sealed class AccessStateRow
{
    public const int Only = 1;

    public int Id { get; init; }

    public long Revision { get; init; }

    /// <summary>When the first key was made. From then on every call needs one, whatever becomes of the keys.</summary>
    public DateTime? ClosedAt { get; init; }
}

internal sealed class AccessTables :
    IEntityTypeConfiguration<KeyRow>, IEntityTypeConfiguration<KeyChangeRow>, IEntityTypeConfiguration<AccessStateRow>
{
    public void Configure(EntityTypeBuilder<KeyRow> builder)
    {
        builder.ToTable("keys").HasKey(row => row.KeyId);
        builder.Property(row => row.Groups).HasDefaultValue("[]");
        builder.HasIndex(row => new { row.Namespace, row.KeyId });
        builder.HasIndex(row => row.Revision);
    }

    public void Configure(EntityTypeBuilder<KeyChangeRow> builder)
    {
        builder.ToTable("key_changes").HasKey(row => row.Revision);
        builder.Property(row => row.Revision).ValueGeneratedNever();
        builder.HasIndex(row => new { row.KeyId, row.Revision });
    }

    public void Configure(EntityTypeBuilder<AccessStateRow> builder)
    {
        builder.ToTable("access_state").HasKey(row => row.Id);
        builder.Property(row => row.Id).ValueGeneratedNever();
        builder.HasData(new AccessStateRow { Id = AccessStateRow.Only, Revision = 0 });
    }
}
