using ProtoMesh.Server.Data;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Approvals;

/// <summary>Answers what decisions ask of approvals. A database that is away denies nothing and allows nothing: there is no answer.</summary>
internal sealed class ApprovalBook(ApprovalStore store, StandingGrants standing, ApprovalTerms terms, GrantScripts grants, DatabaseChoice database) : IApprovalBook
{
    public Task<KnownApproval?> FindAsync(string space, string id, CancellationToken cancellationToken) => AskAsync(async () =>
        await store.FindAsync(space, id, cancellationToken) is { } record ? ApprovalViews.Known(record.IsPending ? await terms.SettleAsync(record, cancellationToken) : record, store.Now) : null);

    public Task<KnownApproval> OpenAsync(ApprovalDraft draft, CancellationToken cancellationToken) => AskAsync(async () =>
    {
        var open = await store.FindOpenAsync(draft, cancellationToken);
        if (open is { IsPending: true })
        {
            return ApprovalViews.Known(open, store.Now);
        }

        // One that was used a moment ago, or lapses by the store's time, is not offered again, although SQL does not know it yet.
        if (open is not null && await grants.EndAsync(open.Row.Namespace, open.Row.ApprovalId, false, open.Row.ValidUntil!.Value, ends: false, cancellationToken) is ("free", var now)
            && now.UtcDateTime < open.Row.ValidUntil)
        {
            return ApprovalViews.Known(open, store.Now);
        }

        var (record, isNew) = await store.OpenAsync(draft, open?.Row.ApprovalId, cancellationToken);
        return ApprovalViews.Known(record, store.Now, isNew);
    });

    public Task<IReadOnlyList<UsableGrant>> GrantsAsync(PolicyQuestion question, string group, CancellationToken cancellationToken) =>
        AskAsync(() => standing.UsableAsync(question, group, cancellationToken));

    private async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            throw new StoreException("approvals_unavailable", DatabaseProblem.Sentence(problem, database), problem);
        }
    }
}
