using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ProtoMesh.Server.Approvals;

/// <summary>A request for an approval and what became of it. It is never deleted.</summary>
internal sealed class ApprovalRow
{
    /// <summary>A UUIDv7, so the order of ids is that of requests.</summary>
    public required string ApprovalId { get; init; }

    public required string Namespace { get; init; }

    public required string AgentId { get; init; }

    /// <summary>The id of the key that asked; null when there were no keys.</summary>
    public string? RequesterKey { get; init; }

    /// <summary>What that key said of the agent, as JSON, for when an edit is decided again.</summary>
    public string? RequesterFacts { get; init; }

    public string? RunId { get; init; }

    public required string Action { get; init; }

    /// <summary>A JSON array of <c>type/id</c>.</summary>
    public required string Resources { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Metadata { get; set; }

    public string? Reason { get; init; }

    /// <summary>A JSON array of the rules that asked.</summary>
    public required string Rules { get; set; }

    public required string PolicyName { get; init; }

    public int PolicyVersion { get; init; }

    public required string PolicySha256 { get; init; }

    public required string ApproverGroup { get; set; }

    public int Quorum { get; set; }

    /// <summary>Of what may be done.</summary>
    public required string Digest { get; set; }

    /// <summary>Of what was asked; another one than <see cref="Digest"/> after an edit.</summary>
    public required string AskedDigest { get; init; }

    /// <summary>The same for all requests that a newer one replaces: agent, action and resources.</summary>
    public required string Subject { get; init; }

    public bool IsEdited { get; set; }

    public required string State { get; set; }

    public DateTime RequestedAt { get; init; }

    public DateTime ExpiresAt { get; init; }

    public DateTime? DecidedAt { get; set; }

    public DateTime? ValidUntil { get; set; }

    public DateTime? ConsumedAt { get; set; }

    public string? ConsumedBy { get; set; }

    /// <summary>Who cancelled or revoked it.</summary>
    public string? EndedBy { get; set; }
}

/// <summary>What one person said.</summary>
internal sealed class ApprovalVoteRow
{
    public required string ApprovalId { get; init; }

    /// <summary>That of the approval.</summary>
    public required string Namespace { get; init; }

    /// <summary>The id of a key, or the name that was claimed while there were no keys.</summary>
    public required string Approver { get; init; }

    /// <summary>As it is shown.</summary>
    public required string Name { get; init; }

    /// <summary><c>approve</c> or <c>deny</c>.</summary>
    public required string Vote { get; set; }

    public string? Comment { get; set; }

    public DateTime At { get; set; }
}

/// <summary>An allowance in advance, for a number of uses and until a time.</summary>
internal sealed class StandingGrantRow
{
    public required string GrantId { get; init; }

    public required string Namespace { get; init; }

    public required string ApproverGroup { get; init; }

    /// <summary>Null for any agent.</summary>
    public string? AgentId { get; init; }

    public required string Action { get; init; }

    /// <summary>Null for what names no resource.</summary>
    public string? Resource { get; init; }

    public string? Condition { get; init; }

    public int Uses { get; init; }

    public int Used { get; set; }

    public string? Comment { get; init; }

    /// <summary>The id of a key, or the name that was claimed.</summary>
    public required string Granter { get; init; }

    public required string By { get; init; }

    public DateTime CreatedAt { get; init; }

    public DateTime ExpiresAt { get; init; }

    public DateTime? RevokedAt { get; set; }

    public string? RevokedBy { get; set; }
}

internal sealed class ApprovalTables :
    IEntityTypeConfiguration<ApprovalRow>, IEntityTypeConfiguration<ApprovalVoteRow>, IEntityTypeConfiguration<StandingGrantRow>
{
    public void Configure(EntityTypeBuilder<ApprovalRow> builder)
    {
        builder.ToTable("approvals").HasKey(row => row.ApprovalId);
        builder.HasIndex(row => new { row.Namespace, row.State, row.ApprovalId });
        builder.HasIndex(row => new { row.Subject, row.State });
        builder.HasIndex(row => new { row.State, row.ExpiresAt });
    }

    public void Configure(EntityTypeBuilder<ApprovalVoteRow> builder) =>
        builder.ToTable("approval_votes").HasKey(row => new { row.ApprovalId, row.Approver });

    public void Configure(EntityTypeBuilder<StandingGrantRow> builder)
    {
        builder.ToTable("approval_grants").HasKey(row => row.GrantId);
        builder.HasIndex(row => new { row.Namespace, row.Action, row.ExpiresAt });
    }
}
