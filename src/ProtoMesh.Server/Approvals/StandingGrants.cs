using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Approvals.Webhooks;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Server.Approvals;

/// <summary>Standing grants in SQL. How often one was used is counted by the store; the journal tells it here.</summary>
internal sealed class StandingGrants(IDbContextFactory<MeshDb> factory, JournalAppend journal, WebhookOutbox outbox, ApprovalStore store, TimeProvider time)
{
    private const int MostUsable = 32;

    public async Task<IReadOnlyList<UsableGrant>> UsableAsync(PolicyQuestion question, string group, CancellationToken cancellationToken)
    {
        if (question.Resources.Count > 1)
        {
            return [];
        }

        // Nobody approves himself, in advance neither.
        var (space, agent, action, now, asker) = (question.Namespace, question.AgentId, question.Action, store.Now, question.Facts is { } facts ? facts.KeyId : question.AgentId);
        var resource = question.Resources.Count == 0 ? null : question.Resources[0].Short;
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        var rows = await db.Set<StandingGrantRow>().AsNoTracking()
            .Where(row => row.Namespace == space && row.Action == action && row.ExpiresAt > now && row.RevokedAt == null && row.Used < row.Uses)
            .Where(row => row.ApproverGroup == group && row.Resource == resource && (row.AgentId == null || row.AgentId == agent) && row.Granter != asker)
            .OrderBy(row => row.ExpiresAt).Take(MostUsable).ToListAsync(cancellationToken);
        return [.. rows.Select(row => new UsableGrant(row.GrantId, row.Condition, row.Uses, row.ExpiresAt, row.By))];
    }

    public async Task<StandingGrantRow?> FindAsync(string? space, string id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<StandingGrantRow>().AsNoTracking().FirstOrDefaultAsync(row => row.GrantId == id && (space == null || row.Namespace == space), cancellationToken);
    }

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<StandingGrantRow>> ListAsync(ApprovalFilter filter, string? before, int limit, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(filter.Namespace, cancellationToken);
        var (space, only, prefix) = (filter.Namespace, filter.Caller.OnlyAgent, filter.Caller.OnlyAgentsFrom);
        var rows = db.Set<StandingGrantRow>().AsNoTracking().Where(row => (space == null || row.Namespace == space) && (before == null || string.Compare(row.GrantId, before) < 0));
        rows = only is null ? rows : rows.Where(row => row.AgentId == null || row.AgentId == only);
        rows = prefix is null ? rows : rows.Where(row => row.AgentId == null || row.AgentId.Substring(0, prefix.Length) == prefix);
        return await rows.OrderByDescending(row => row.GrantId).Take(limit).ToListAsync(cancellationToken);
    }

    public async Task CreateAsync(StandingGrantRow row, CancellationToken cancellationToken)
    {
        await journal.ChangeAsync(row.Namespace, (db, events) =>
        {
            db.Add(row);
            Tell(db, events, "approval.granted", row);
            return Task.FromResult(row);
        }, cancellationToken);
        outbox.Wake();
    }

    /// <summary>Marks it as revoked; the store has ended it before.</summary>
    public async Task<StandingGrantRow> RevokeAsync(string? space, string id, string by, CancellationToken cancellationToken)
    {
        var revoked = await journal.ChangeAsync(space, async (db, events) =>
        {
            var row = await db.Set<StandingGrantRow>().FirstAsync(row => row.GrantId == id, cancellationToken);
            if (row.RevokedAt is null)
            {
                (row.RevokedAt, row.RevokedBy) = (store.Now, by);
                Tell(db, events, "approval.grant_revoked", row);
            }

            return row;
        }, cancellationToken);
        outbox.Wake();
        return revoked;
    }

    private void Tell(MeshDb db, List<JournalDraft> events, string type, StandingGrantRow row)
    {
        var data = new JsonObject { ["grant_id"] = row.GrantId, ["action"] = row.Action, ["group"] = row.ApproverGroup, ["by"] = row.RevokedBy ?? row.By, ["uses"] = row.Uses, ["used"] = row.Used };
        events.Add(new JournalDraft(type, store.Now, row.Namespace, row.Resource is null ? [] : [row.Resource], row.AgentId, data));
        outbox.Add(db, type, ApprovalViews.Of(row, time.GetUtcNow()), store.Now);
    }
}
