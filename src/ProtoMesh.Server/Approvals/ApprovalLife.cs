using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Approvals;

/// <summary>What people and agents do with approvals. Reading one never decides anything.</summary>
internal sealed class ApprovalLife(
    ApprovalStore store, ApprovalTerms terms, ApprovalNews news, ActivePolicies policies, PolicyService decisions, PolicyDecider decider, PolicyScripts scripts, GrantScripts grants, TimeProvider time)
{
    /// <summary>How long a decision made on another replica goes unseen.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);

    /// <summary>Opens one, or finds the one that waits for the same thing.</summary>
    public async Task<(Approval? Approval, bool IsNew, Problem? Problem)> RequestAsync(PolicyQuestion question, CancellationToken cancellationToken)
    {
        var (answer, problem) = await decisions.DecideAsync(question with { OnlyOpens = true }, cancellationToken);
        if (answer?.Asked is { } asked)
        {
            var record = (await store.FindAsync(question.Namespace, asked.Id, cancellationToken))!;
            return (await ShownAsync(record, cancellationToken), asked.IsNew, null);
        }

        return (null, false, problem ?? Problems.Of("policy_denied", answer!.Decision.Reason) with { Decision = answer.Decision });
    }

    /// <summary>One that the caller may see; null when there is none.</summary>
    public async Task<ApprovalRecord?> FindAsync(string id, Caller caller, CancellationToken cancellationToken) =>
        Guid.TryParseExact(id, "D", out _) && await store.FindAsync(caller.Namespace, id, cancellationToken) is { } record && caller.MayBe(record.Row.AgentId)
            ? await terms.TrySettleAsync(record, cancellationToken) : null;

    /// <summary>The same, when it is no longer pending or the time is over.</summary>
    public async Task<ApprovalRecord?> WaitAsync(string id, Caller caller, TimeSpan hold, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var next = news.Next;
            var record = await FindAsync(id, caller, cancellationToken);
            var left = hold - time.GetElapsedTime(started);
            if (record is not { IsPending: true } || left <= TimeSpan.Zero || caller.IsOver(time.GetUtcNow()))
            {
                return record;
            }

            await next.WaitAsync(left < LookAgain ? left : LookAgain, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    public async Task<Approval> ShownAsync(ApprovalRecord record, CancellationToken cancellationToken)
    {
        long? waits = null;
        if (record.IsPending && record.Resources.Count == 1)
        {
            try
            {
                waits = (await scripts.LookAsync(record.Names.Single(), record.Row.AgentId, null, cancellationToken)).Waiters;
            }
            catch (StoreException)
            {
                // What waits behind it is not known now; what is asked is.
            }
        }

        return ApprovalViews.Of(record, time.GetUtcNow(), waits);
    }

    public async Task<(Approval? Approval, Problem? Problem)> ApproveAsync(ApprovalRecord record, ApproveApproval body, Approver by, Caller caller, CancellationToken cancellationToken)
    {
        if (MayDecide(record, record.Row.ApproverGroup, by, caller) is { } refused)
        {
            return (null, refused);
        }

        ApprovalEdit? edit = null;
        if (body.Metadata is { ValueKind: JsonValueKind.Object } metadata)
        {
            if (!record.IsPending)
            {
                return (null, ApprovalProblems.Closed(record));
            }

            (edit, var problem) = await EditAsync(record, metadata, cancellationToken);
            problem ??= MayDecide(record, edit!.Approvers.Group, by, caller);
            if (problem is not null)
            {
                return (null, problem);
            }
        }

        return await VoteAsync(record, by, ApprovalVotes.Approve, body.Comment, edit, body.Digest, body.ValidMs ?? ApprovalValidator.DefaultValidMs, cancellationToken);
    }

    public async Task<(Approval? Approval, Problem? Problem)> DenyAsync(ApprovalRecord record, string? comment, Approver by, Caller caller, CancellationToken cancellationToken) =>
        MayDecide(record, record.Row.ApproverGroup, by, caller) is { } refused
            ? (null, refused) : await VoteAsync(record, by, ApprovalVotes.Deny, comment, null, null, null, cancellationToken);

    /// <summary>Takes a request back.</summary>
    public async Task<(Approval? Approval, Problem? Problem)> CancelAsync(ApprovalRecord record, Caller caller, CancellationToken cancellationToken)
    {
        var (ended, isEnded) = await store.EndAsync(record.Row.Namespace, record.Row.ApprovalId, ApprovalState.Pending, ApprovalState.Cancelled, caller.Name, null, cancellationToken);
        return isEnded || ended.Row.State == ApprovalState.Cancelled ? (await ShownAsync(ended, cancellationToken), null) : (null, ApprovalProblems.Closed(ended));
    }

    /// <summary>Takes a yes back that was not used. The store decides which of the two came first; SQL follows.</summary>
    public async Task<(Approval? Approval, Problem? Problem)> RevokeAsync(ApprovalRecord record, string? comment, Approver by, Caller caller, CancellationToken cancellationToken)
    {
        var row = record.Row;
        if (NotOfTheGroup(row.ApproverGroup, caller) is { } refused)
        {
            return (null, refused);
        }

        if (row.State != ApprovalState.Approved)
        {
            return row.State == ApprovalState.Revoked && row.EndedBy == by.Name ? (await ShownAsync(record, cancellationToken), null) : (null, ApprovalProblems.Closed(record));
        }

        var (state, _) = await grants.EndAsync(row.Namespace, row.ApprovalId, false, row.ValidUntil!.Value + TimeSpan.FromDays(1), ends: true, cancellationToken);
        if (state == "used")
        {
            row.State = ApprovalState.Consumed;
            return (null, ApprovalProblems.Closed(record));
        }

        var (ended, isEnded) = await store.EndAsync(row.Namespace, row.ApprovalId, ApprovalState.Approved, ApprovalState.Revoked, by.Name, comment, cancellationToken);
        return isEnded || ended.Row.State == ApprovalState.Revoked ? (await ShownAsync(ended, cancellationToken), null) : (null, ApprovalProblems.Closed(ended));
    }

    /// <summary>While there are no keys anybody is of every group.</summary>
    public static Problem? NotOfTheGroup(string group, Caller caller) =>
        caller.KeyId is null || caller.Groups.Contains(group, StringComparer.Ordinal) ? null : ApprovalProblems.NotOfTheGroup(group, caller);

    private static Problem? MayDecide(ApprovalRecord record, string group, Approver by, Caller caller) =>
        by.Id == record.Row.AgentId || by.Id == record.Row.RequesterKey ? ApprovalProblems.OwnRequest(record.Row.AgentId) : NotOfTheGroup(group, caller);

    private async Task<(Approval? Approval, Problem? Problem)> VoteAsync(
        ApprovalRecord record, Approver by, string vote, string? comment, ApprovalEdit? edit, string? read, long? validMs, CancellationToken cancellationToken)
    {
        var policy = policies.Of(record.Row.Namespace).Set.Sha256;
        var validUntil = validMs is null ? (DateTime?)null : await terms.FromNowAsync(validMs.Value, cancellationToken);
        var (after, counts) = await store.VoteAsync(record.Row.Namespace, record.Row.ApprovalId, policy, by, vote, comment, edit, read, validUntil, cancellationToken);
        return counts ? (await ShownAsync(after, cancellationToken), null) : (null, after.IsPending ? ApprovalProblems.Unread(after) : ApprovalProblems.Closed(after));
    }

    /// <summary>Decides again what an approver made of the request, by what the agent's key said when it asked.</summary>
    private async Task<(ApprovalEdit? Edit, Problem? Problem)> EditAsync(ApprovalRecord record, JsonElement metadata, CancellationToken cancellationToken)
    {
        var row = record.Row;
        var active = policies.Of(row.Namespace);
        var question = new PolicyQuestion
        {
            Namespace = row.Namespace,
            AgentId = row.AgentId,
            Action = row.Action,
            Resources = [.. record.Names],
            Metadata = metadata,
            Facts = row.RequesterFacts is { } facts ? JsonSerializer.Deserialize(facts, ApprovalKeepJson.Default.KeyFacts) : null,
            RunId = row.RunId,
            IsDryRun = true,
            OnlyOpens = true,
        };
        var outcome = await decider.DecideAsync(active, question, cancellationToken);
        var approvers = new Approvers(row.ApproverGroup, row.Quorum, TimeSpan.Zero);
        return outcome switch
        {
            // It needs no approval any more; whoever saw it said yes to it all the same.
            { Problem.Code: "approval_not_needed" } => (new ApprovalEdit(metadata.GetRawText(), ApprovalDigest.Of(question, active.Set.Sha256), approvers, record.Rules), null),
            { Problem: { } problem } => (null, problem),
            { Answer.Decision: { Decision: PolicyVerdict.RequireApproval, Approval: { } asked, Reasons: var reasons } } => (new ApprovalEdit(
                metadata.GetRawText(), ApprovalDigest.Of(question, active.Set.Sha256), approvers with { Group = asked.Group, Quorum = asked.Quorum },
                [.. reasons.Where(reason => reason.Effect == PolicyVerdict.RequireApproval).Select(reason => new ApprovalRule { Rule = reason.Rule, At = reason.At, Message = reason.Message })]), null),
            _ => (null, Problems.Of("policy_denied", outcome.Answer!.Decision.Reason) with { Decision = outcome.Answer.Decision }),
        };
    }
}
