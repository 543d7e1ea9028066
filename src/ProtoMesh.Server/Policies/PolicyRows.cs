using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ProtoMesh.Server.Policies;

/// <summary>A version of a document. It is written once and never changed.</summary>
internal sealed class PolicyVersionRow
{
    public required string Namespace { get; init; }

    public required string Name { get; init; }

    /// <summary>From 1, without gaps; the key makes two writers at once get two numbers.</summary>
    public int Version { get; init; }

    public required string Sha256 { get; init; }

    public string? Author { get; init; }

    public string? Comment { get; init; }

    public DateTime CreatedAt { get; init; }

    /// <summary>The text as it was sent.</summary>
    public required string Document { get; init; }
}

/// <summary>That a version began to decide. Rows are only added; the highest revision of a namespace counts.</summary>
internal sealed class PolicyActivationRow
{
    public required string Namespace { get; init; }

    /// <summary>From 1; the key is what lets only one of two activations win.</summary>
    public long Revision { get; init; }

    public required string Name { get; init; }

    public int Version { get; init; }

    public required string Sha256 { get; init; }

    public string? By { get; init; }

    public DateTime At { get; init; }
}

/// <summary>A decision, with all that it was made from.</summary>
internal sealed class DecisionRow
{
    /// <summary>A UUIDv7, so its order is that of time.</summary>
    public required string DecisionId { get; init; }

    public DateTime At { get; init; }

    public required string Namespace { get; init; }

    public required string AgentId { get; init; }

    public required string Action { get; init; }

    /// <summary>The first of several; all of them are in <see cref="Inputs"/>.</summary>
    public string? Resource { get; init; }

    public required string PolicyName { get; init; }

    public int PolicyVersion { get; init; }

    public required string PolicySha256 { get; init; }

    public required string Decision { get; init; }

    /// <summary>What would have been decided if rules in audit mode were enforced.</summary>
    public required string Would { get; init; }

    public bool DryRun { get; init; }

    /// <summary>A JSON array of the ids of the rules that spoke.</summary>
    public required string Rules { get; init; }

    /// <summary>A JSON object of everything that the rules could see.</summary>
    public required string Inputs { get; init; }

    /// <summary>A JSON object: where trusted inputs came from.</summary>
    public required string Facts { get; init; }

    /// <summary>A JSON object of reasons, what audit rules said, and obligations.</summary>
    public required string Reasons { get; init; }

    public long LatencyUs { get; init; }
}

internal sealed class PolicyTables :
    IEntityTypeConfiguration<PolicyVersionRow>, IEntityTypeConfiguration<PolicyActivationRow>, IEntityTypeConfiguration<DecisionRow>
{
    public void Configure(EntityTypeBuilder<PolicyVersionRow> builder) =>
        builder.ToTable("policy_versions").HasKey(row => new { row.Namespace, row.Name, row.Version });

    public void Configure(EntityTypeBuilder<PolicyActivationRow> builder)
    {
        builder.ToTable("policy_activations").HasKey(row => new { row.Namespace, row.Revision });
        builder.Property(row => row.Revision).ValueGeneratedNever();
    }

    public void Configure(EntityTypeBuilder<DecisionRow> builder)
    {
        builder.ToTable("decisions").HasKey(row => row.DecisionId);
        builder.HasIndex(row => new { row.Namespace, row.DecisionId });
        builder.HasIndex(row => new { row.AgentId, row.DecisionId });
        builder.HasIndex(row => new { row.Action, row.DecisionId });
        builder.HasIndex(row => new { row.Decision, row.DecisionId });
        builder.HasIndex(row => new { row.PolicyName, row.DecisionId });
    }
}
