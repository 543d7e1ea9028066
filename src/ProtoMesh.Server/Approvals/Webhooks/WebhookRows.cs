using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ProtoMesh.Server.Approvals.Webhooks;

/// <summary>A message to one address, written in the transaction of what it tells of.</summary>
internal sealed class WebhookDeliveryRow
{
    public const string Pending = "pending";
    public const string Delivered = "delivered";
    public const string Dead = "dead";

    /// <summary><c>webhook-id</c>: the same for every attempt.</summary>
    public required string MessageId { get; init; }

    /// <summary>Which address: a digest, as an address may have something in it that is nobody's business.</summary>
    public required string Target { get; init; }

    /// <summary>Where that happened.</summary>
    public required string Namespace { get; init; }

    public required string Type { get; init; }

    public required string Body { get; init; }

    public required string State { get; set; }

    public int Attempts { get; set; }

    public DateTime CreatedAt { get; init; }

    /// <summary>When it is tried next; while it is being tried, when another replica may.</summary>
    public DateTime NextAt { get; set; }

    public string? LastError { get; set; }
}

internal sealed class WebhookTables : IEntityTypeConfiguration<WebhookDeliveryRow>
{
    public void Configure(EntityTypeBuilder<WebhookDeliveryRow> builder)
    {
        builder.ToTable("webhook_deliveries").HasKey(row => row.MessageId);
        builder.HasIndex(row => new { row.State, row.NextAt });
    }
}
