using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Approvals.Webhooks;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Server.Approvals;

/// <summary>Brings what the store decided, that an approval was used or given back, into SQL together with the event.</summary>
internal sealed class ApprovalProjection(WebhookOutbox outbox) : IJournalProjection
{
    public async Task ProjectAsync(MeshDb db, IReadOnlyList<JournalRow> rows, CancellationToken cancellationToken)
    {
        foreach (var row in rows)
        {
            if (row.Type is "approval.consumed" or "approval.returned")
            {
                await ProjectAsync(db, row, cancellationToken);
            }
        }
    }

    private async Task ProjectAsync(MeshDb db, JournalRow happened, CancellationToken cancellationToken)
    {
        var isUse = happened.Type == "approval.consumed";
        var data = JsonElement.Parse(happened.Data);
        if (Text(data, "approval_id") is { } approvalId && await db.Set<ApprovalRow>().FirstOrDefaultAsync(row => row.ApprovalId == approvalId, cancellationToken) is { } approval
            && approval.State == (isUse ? ApprovalState.Approved : ApprovalState.Consumed))
        {
            (approval.State, approval.ConsumedAt, approval.ConsumedBy) = isUse ? (ApprovalState.Consumed, (DateTime?)happened.At, Text(data, "consumed_by")) : (ApprovalState.Approved, null, null);
            var votes = await db.Set<ApprovalVoteRow>().AsNoTracking().Where(vote => vote.ApprovalId == approvalId).OrderBy(vote => vote.At).ToListAsync(cancellationToken);
            outbox.Add(db, happened.Type, ApprovalViews.Of(new ApprovalRecord(approval, votes), happened.At), happened.At);
        }
        else if (Text(data, "grant_id") is { } grantId && await db.Set<StandingGrantRow>().FirstOrDefaultAsync(row => row.GrantId == grantId, cancellationToken) is { } grant)
        {
            grant.Used = Math.Clamp(grant.Used + (isUse ? 1 : -1), 0, grant.Uses);
            outbox.Add(db, happened.Type, ApprovalViews.Of(grant, happened.At), happened.At);
        }
    }

    private static string? Text(JsonElement data, string name) => data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
