using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Approvals.Webhooks;

namespace ProtoMesh.Server.Approvals;

/// <summary>Settings <c>Approvals:*</c>.</summary>
internal sealed class ApprovalOptions
{
    /// <summary>100 to 600,000 ms between two looks for approvals that have expired or lapsed. Default 5,000.</summary>
    [Range(100, 600_000)]
    public int SweepMs { get; set; } = 5_000;

    /// <summary>Who is told of every event of an approval. Default nobody.</summary>
    [ValidateEnumeratedItems]
    public IList<WebhookTarget> Webhooks { get; set; } = [];
}

[OptionsValidator]
internal sealed partial class ApprovalOptionsValidator : IValidateOptions<ApprovalOptions>;
