using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Server.Approvals.Webhooks;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Server.Approvals;

/// <summary>Who decides: what tells people apart, and how they are shown.</summary>
internal sealed record Approver(string Id, string Name);

internal static class ApprovalVotes
{
    public const string Approve = "approve";
    public const string Deny = "deny";
}

/// <summary>What approvers made of a request.</summary>
internal sealed record ApprovalEdit(string Metadata, string Digest, Approvers Approvers, IReadOnlyList<ApprovalRule> Rules);

/// <summary>Approvals in SQL. Every step is a transaction of its own, which begins only when the one before is committed.</summary>
internal sealed class ApprovalStore(IDbContextFactory<MeshDb> factory, JournalAppend journal, WebhookOutbox outbox, ApprovalNews news, TimeProvider time)
{
    /// <summary>To the millisecond, as the store's scripts count.</summary>
    public DateTime Now => DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds()).UtcDateTime;

    /// <summary>Null when there is none, or it is in another namespace.</summary>
    public async Task<ApprovalRecord?> FindAsync(string? space, string id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await ReadAsync(db, id, cancellationToken) is { } record && (space is null || space == record.Row.Namespace) ? record : null;
    }

    /// <summary>What is asked already and waits, or was approved and could be used.</summary>
    public async Task<ApprovalRecord?> FindOpenAsync(ApprovalDraft draft, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(draft.Question.Namespace, cancellationToken);
        return await OpenOfAsync(db, draft, SubjectOf(draft.Question), null, cancellationToken);
    }

    /// <summary>Opens one, unless somebody was faster. What it replaces is superseded.</summary>
    /// <param name="draft">What is asked.</param>
    /// <param name="except">An approval that was used, although SQL does not know it yet.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<(ApprovalRecord Record, bool IsNew)> OpenAsync(ApprovalDraft draft, string? except, CancellationToken cancellationToken) => ChangeAsync(draft.Question.Namespace, async (db, events) =>
    {
        var subject = SubjectOf(draft.Question);
        if (await OpenOfAsync(db, draft, subject, except, cancellationToken) is { } open)
        {
            return (open, false);
        }

        foreach (var older in await db.Set<ApprovalRow>().Where(row => row.Subject == subject && row.State == ApprovalState.Pending).ToListAsync(cancellationToken))
        {
            var record = await WithVotesAsync(db, older, cancellationToken);
            End(db, events, record, older.ExpiresAt <= Now ? ApprovalState.Expired : ApprovalState.Superseded);
        }

        var row = RowOf(draft, subject);
        db.Add(row);
        var opened = new ApprovalRecord(row, []);
        Tell(db, events, "approval.requested", opened, ("rules", new JsonArray([.. draft.Rules.Select(rule => (JsonNode?)rule.Rule)])));
        return (opened, true);
    }, cancellationToken);

    /// <summary>Counts a vote. The record is as it is afterwards, also when the vote came too late.</summary>
    /// <param name="space">Its namespace; null for any.</param>
    /// <param name="id">Which approval.</param>
    /// <param name="policySha256">The policy that decides now: a yes under another one would be worth nothing.</param>
    /// <param name="by">Who says it.</param>
    /// <param name="vote">What.</param>
    /// <param name="comment">Why.</param>
    /// <param name="edit">What may be done instead.</param>
    /// <param name="read">The digest of what the approver has read; after somebody else's edit nothing counts without it.</param>
    /// <param name="validUntil">Until when an approved one can be used, by the time of the store, which ends it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<(ApprovalRecord Record, bool Counts)> VoteAsync(
        string? space, string id, string policySha256, Approver by, string vote, string? comment, ApprovalEdit? edit, string? read, DateTime? validUntil,
        CancellationToken cancellationToken) => ChangeAsync(space, async (db, events) =>
    {
        var record = (await ReadAsync(db, id, cancellationToken))!;
        var row = record.Row;
        if (!record.IsPending)
        {
            // Somebody who was not told that the vote counted repeats it.
            return (record, edit is null && record.Votes.Any(each => each.Approver == by.Id && each.Vote == vote) && row.State is ApprovalState.Approved or ApprovalState.Denied);
        }

        if (row.ExpiresAt <= Now || row.PolicySha256 != policySha256)
        {
            End(db, events, record, row.ExpiresAt <= Now ? ApprovalState.Expired : ApprovalState.Superseded);
            return (record, false);
        }

        var votes = record.Votes.ToList();
        if (vote == ApprovalVotes.Approve && edit is null && read != row.Digest && (read is not null || (row.IsEdited && votes.All(each => each.Approver != by.Id))))
        {
            return (record, false);
        }

        if (edit is not null)
        {
            db.RemoveRange(votes.Where(each => each.Approver != by.Id));
            votes.RemoveAll(each => each.Approver != by.Id);
            (row.Metadata, row.Digest, row.ApproverGroup, row.Quorum, row.IsEdited) = (edit.Metadata, edit.Digest, edit.Approvers.Group, edit.Approvers.Quorum, true);
            row.Rules = JsonSerializer.Serialize(edit.Rules, ApprovalsJson.Default.IReadOnlyListApprovalRule);
        }

        if (votes.FirstOrDefault(each => each.Approver == by.Id) is { } own)
        {
            (own.Vote, own.Comment, own.At) = (vote, comment, Now);
        }
        else
        {
            votes.Add(new ApprovalVoteRow { ApprovalId = id, Namespace = row.Namespace, Approver = by.Id, Name = by.Name, Vote = vote, Comment = comment, At = Now });
            db.Add(votes[^1]);
        }

        record = new ApprovalRecord(row, votes);
        if (vote == ApprovalVotes.Deny)
        {
            row.EndedBy = by.Name;
            End(db, events, record, ApprovalState.Denied, ("by", by.Name), ("comment", comment));
        }
        else if (votes.Count(each => each.Vote == ApprovalVotes.Approve) >= row.Quorum)
        {
            (row.State, row.DecidedAt, row.ValidUntil) = (ApprovalState.Approved, Now, validUntil);
            Tell(
                db, events, "approval.approved", record, ("by", new JsonArray([.. votes.Select(each => (JsonNode?)each.Name)])), ("comment", comment),
                ("edited", row.IsEdited ? true : null), ("valid_until", validUntil));
        }

        return (record, true);
    }, cancellationToken);

    /// <summary>Moves from one state to an end, if it is still in the one.</summary>
    public Task<(ApprovalRecord Record, bool IsEnded)> EndAsync(string? space, string id, string from, string to, string? by, string? comment, CancellationToken cancellationToken) => ChangeAsync(space, async (db, events) =>
    {
        var record = (await ReadAsync(db, id, cancellationToken))!;
        if (record.Row.State != from)
        {
            return (record, false);
        }

        record.Row.EndedBy = by;
        End(db, events, record, to, ("by", by), ("comment", comment));
        return (record, true);
    }, cancellationToken);

    /// <summary>Ids, newest first.</summary>
    public async Task<IReadOnlyList<ApprovalRecord>> ListAsync(ApprovalFilter filter, string? before, int limit, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(filter.Namespace, cancellationToken);
        var rows = await filter.Of(db.Set<ApprovalRow>().AsNoTracking()).Where(row => before == null || string.Compare(row.ApprovalId, before) < 0)
            .OrderByDescending(row => row.ApprovalId).Take(limit).ToListAsync(cancellationToken);
        var ids = rows.Select(row => row.ApprovalId).ToList();
        var votes = await db.Set<ApprovalVoteRow>().AsNoTracking().Where(vote => ids.Contains(vote.ApprovalId)).OrderBy(vote => vote.At).ToListAsync(cancellationToken);
        return [.. rows.Select(row => new ApprovalRecord(row, [.. votes.Where(vote => vote.ApprovalId == row.ApprovalId)]))];
    }

    /// <summary>Some that are over by their time, and are not marked so yet.</summary>
    public async Task<IReadOnlyList<ApprovalRecord>> DueAsync(int limit, CancellationToken cancellationToken)
    {
        var now = Now;
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var rows = await db.Set<ApprovalRow>().AsNoTracking()
            .Where(row => (row.State == ApprovalState.Pending && row.ExpiresAt <= now) || (row.State == ApprovalState.Approved && row.ValidUntil <= now))
            .OrderBy(row => row.ApprovalId).Take(limit).ToListAsync(cancellationToken);
        return [.. rows.Select(row => new ApprovalRecord(row, []))];
    }

    private async Task<T> ChangeAsync<T>(string? space, Func<MeshDb, List<JournalDraft>, Task<T>> change, CancellationToken cancellationToken)
    {
        var result = await journal.ChangeAsync(space, change, cancellationToken);
        outbox.Wake();
        news.Tell();
        return result;
    }

    private async Task<ApprovalRecord?> OpenOfAsync(MeshDb db, ApprovalDraft draft, string subject, string? except, CancellationToken cancellationToken)
    {
        var (digest, now) = (draft.Digest, Now);
        var rows = await db.Set<ApprovalRow>().Where(row => row.Subject == subject && (row.AskedDigest == digest || row.Digest == digest) && row.ApprovalId != except
            && ((row.State == ApprovalState.Pending && row.ExpiresAt > now) || (row.State == ApprovalState.Approved && row.ValidUntil > now)))
            .OrderByDescending(row => row.ApprovalId).ToListAsync(cancellationToken);
        foreach (var row in rows)
        {
            if (await WithVotesAsync(db, row, cancellationToken) is var record && record.Covers(draft))
            {
                return record;
            }
        }

        return null;
    }

    private static async Task<ApprovalRecord?> ReadAsync(MeshDb db, string id, CancellationToken cancellationToken) =>
        await db.Set<ApprovalRow>().FirstOrDefaultAsync(row => row.ApprovalId == id, cancellationToken) is { } row ? await WithVotesAsync(db, row, cancellationToken) : null;

    private static async Task<ApprovalRecord> WithVotesAsync(MeshDb db, ApprovalRow row, CancellationToken cancellationToken) =>
        new(row, await db.Set<ApprovalVoteRow>().Where(vote => vote.ApprovalId == row.ApprovalId).OrderBy(vote => vote.At).ToListAsync(cancellationToken));

    private void End(MeshDb db, List<JournalDraft> events, ApprovalRecord record, string state, params (string, JsonNode?)[] more)
    {
        record.Row.State = state;
        record.Row.DecidedAt ??= Now;
        Tell(db, events, $"approval.{state}", record, more);
    }

    private void Tell(MeshDb db, List<JournalDraft> events, string type, ApprovalRecord record, params (string, JsonNode?)[] more)
    {
        events.Add(ApprovalViews.Event(type, record, Now, more));
        outbox.Add(db, type, ApprovalViews.Of(record, time.GetUtcNow()), Now);
    }

    private ApprovalRow RowOf(ApprovalDraft draft, string subject)
    {
        var (question, policy) = (draft.Question, draft.Policy);
        var resources = question.Resources.Select(resource => resource.Short).ToArray();
        IReadOnlyList<ApprovalRule> rules = [.. draft.Rules.Select(rule => new ApprovalRule { Rule = rule.Rule, At = rule.At, Message = rule.Message })];
        return new ApprovalRow
        {
            ApprovalId = Guid.CreateVersion7(time.GetUtcNow()).ToString(),
            Namespace = question.Namespace,
            AgentId = question.AgentId,
            RequesterKey = question.Facts?.KeyId,
            RequesterFacts = question.Facts is { } facts ? JsonSerializer.Serialize(facts, ApprovalKeepJson.Default.KeyFacts) : null,
            RunId = question.RunId,
            Action = question.Action,
            Resources = JsonSerializer.Serialize(resources, ApprovalKeepJson.Default.StringArray),
            Metadata = question.Metadata?.GetRawText() ?? "{}",
            Reason = question.Reason,
            Rules = JsonSerializer.Serialize(rules, ApprovalsJson.Default.IReadOnlyListApprovalRule),
            PolicyName = policy.Set.Name,
            PolicyVersion = policy.Version,
            PolicySha256 = policy.Set.Sha256,
            ApproverGroup = draft.Approvers.Group,
            Quorum = draft.Approvers.Quorum,
            Digest = draft.Digest,
            AskedDigest = draft.Digest,
            Subject = subject,
            State = ApprovalState.Pending,
            RequestedAt = Now,
            ExpiresAt = Now + draft.Approvers.Expires,
        };
    }

    private static string SubjectOf(PolicyQuestion question) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\u0001', [question.Namespace, question.AgentId, question.Action, .. question.Resources.Select(resource => resource.Short).Order(StringComparer.Ordinal)]))));
}
