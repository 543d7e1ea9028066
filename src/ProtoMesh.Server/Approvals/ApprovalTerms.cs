using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Approvals;

/// <summary>Ends what is over by its time: nobody's yes comes from waiting, and an approval that was not used in time is gone.</summary>
internal sealed class ApprovalTerms(ApprovalStore store, GrantScripts grants)
{
    /// <summary>The same approval, or its end when its time is over.</summary>
    public async Task<ApprovalRecord> SettleAsync(ApprovalRecord record, CancellationToken cancellationToken)
    {
        var (row, now) = (record.Row, store.Now);
        if (record.IsPending && row.ExpiresAt <= now)
        {
            return (await store.EndAsync(row.Namespace, row.ApprovalId, ApprovalState.Pending, ApprovalState.Expired, null, null, cancellationToken)).Record;
        }

        if (row.State != ApprovalState.Approved || row.ValidUntil > now)
        {
            return record;
        }

        // Whether it was used before it lapsed is the store's to say; the journal tells SQL a little later.
        var (state, storeNow) = await grants.EndAsync(row.Namespace, row.ApprovalId, false, row.ValidUntil!.Value, ends: false, cancellationToken);
        var end = state switch
        {
            "revoked" => ApprovalState.Revoked,
            "free" when storeNow.UtcDateTime >= row.ValidUntil => ApprovalState.Lapsed,
            _ => null,
        };
        return end is null ? record : (await store.EndAsync(row.Namespace, row.ApprovalId, ApprovalState.Approved, end, null, null, cancellationToken)).Record;
    }

    /// <summary>What ends in the store is counted by the store's time; by this replica's while the store is away.</summary>
    public async Task<DateTime> FromNowAsync(long milliseconds, CancellationToken cancellationToken)
    {
        var now = store.Now;
        try
        {
            now = await grants.NowAsync(cancellationToken);
        }
        catch (StoreException)
        {
            // A yes does not wait for the store; its use does.
        }

        return now.AddMilliseconds(milliseconds);
    }

    /// <summary>For those who only look: without the store an approval is shown as SQL has it.</summary>
    public async Task<ApprovalRecord> TrySettleAsync(ApprovalRecord record, CancellationToken cancellationToken)
    {
        try
        {
            return await SettleAsync(record, cancellationToken);
        }
        catch (StoreException)
        {
            return record;
        }
    }
}
