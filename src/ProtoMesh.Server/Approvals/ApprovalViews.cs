using System.Text.Json;
using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Approvals;

/// <summary>An approval with its votes, as it was read.</summary>
internal sealed record ApprovalRecord(ApprovalRow Row, IReadOnlyList<ApprovalVoteRow> Votes)
{
    public IReadOnlyList<string> Resources { get; } = JsonSerializer.Deserialize(Row.Resources, ApprovalKeepJson.Default.StringArray) ?? [];

    public bool IsPending => Row.State == ApprovalState.Pending;

    /// <summary>The rules that asked for it.</summary>
    public IReadOnlyList<ApprovalRule> Rules => JsonSerializer.Deserialize(Row.Rules, ApprovalsJson.Default.IReadOnlyListApprovalRule) ?? [];

    /// <summary>Whether a yes to it is one to what is asked now.</summary>
    public bool Covers(ApprovalDraft draft) => Row.ApproverGroup == draft.Approvers.Group && Row.Quorum >= draft.Approvers.Quorum
        && draft.Rules.All(rule => Rules.Any(asked => asked.Rule == rule.Rule));

    /// <summary>The resources in their namespace.</summary>
    public IEnumerable<ResourceName> Names =>
        Resources.Select(text => ResourceName.TryParse(Row.Namespace, text, out var name) ? name : throw new InvalidOperationException($"{text} is no resource."));
}

/// <summary>Approvals as callers, decisions and events see them.</summary>
internal static class ApprovalViews
{
    public static Approval Of(ApprovalRecord record, DateTimeOffset now, long? waitsBehind = null)
    {
        var (row, votes) = record;
        return new Approval
        {
            ApprovalId = row.ApprovalId,
            Namespace = row.Namespace,
            State = row.State,
            AgentId = row.AgentId,
            RunId = row.RunId,
            Action = row.Action,
            Resource = record.Resources is [var only] ? only : null,
            Resources = record.Resources.Count > 1 ? record.Resources : null,
            Metadata = JsonElement.Parse(row.Metadata),
            Reason = row.Reason,
            Rules = record.Rules,
            Policy = new PolicyReference { Name = row.PolicyName, Version = row.PolicyVersion, Sha256 = row.PolicySha256 },
            Group = row.ApproverGroup,
            Quorum = row.Quorum,
            Votes = [.. votes.Select(vote => new ApprovalVote { Approver = vote.Name, Vote = vote.Vote, Comment = vote.Comment, At = vote.At })],
            Digest = row.Digest,
            Edited = row.IsEdited ? true : null,
            RequestedAt = row.RequestedAt,
            ExpiresAt = row.ExpiresAt,
            ExpiresInMs = record.IsPending ? Math.Max(0, (long)(row.ExpiresAt - now.UtcDateTime).TotalMilliseconds) : 0,
            DecidedAt = row.DecidedAt,
            ValidUntil = row.ValidUntil,
            ConsumedAt = row.ConsumedAt,
            ConsumedBy = row.ConsumedBy,
            EndedBy = row.EndedBy,
            WaitsBehind = waitsBehind,
        };
    }

    public static KnownApproval Known(ApprovalRecord record, DateTime now, bool isNew = false) => new()
    {
        Id = record.Row.ApprovalId,
        State = record.Row.State,
        AgentId = record.Row.AgentId,
        Digest = record.Row.Digest,
        Group = record.Row.ApproverGroup,
        Quorum = record.Row.Quorum,
        EndsAt = record.Row.ValidUntil ?? record.Row.ExpiresAt,
        EndsInMs = Math.Max(0, (long)((record.Row.ValidUntil ?? record.Row.ExpiresAt) - now).TotalMilliseconds),
        ValidUntil = record.Row.ValidUntil,
        By = [.. record.Votes.Where(vote => vote.Vote == ApprovalVotes.Approve).Select(vote => vote.Name)],
        Voters = [.. record.Votes.Where(vote => vote.Vote == ApprovalVotes.Approve).Select(vote => vote.Approver)],
        Rules = [.. record.Rules.Select(rule => rule.Rule)],
        IsNew = isNew,
    };

    /// <summary>The event of what has just become of it. Its metadata is not in it: it is for who decides, and who asks.</summary>
    public static JournalDraft Event(string type, ApprovalRecord record, DateTime at, params (string Name, JsonNode? Value)[] more)
    {
        var row = record.Row;
        var data = new JsonObject
        {
            ["approval_id"] = row.ApprovalId, ["action"] = row.Action, ["state"] = row.State, ["group"] = row.ApproverGroup, ["quorum"] = row.Quorum,
        };
        foreach (var (name, value) in more.Where(each => each.Value is not null))
        {
            data[name] = value;
        }

        return new JournalDraft(type, at, row.Namespace, record.Resources, row.AgentId, data);
    }

    public static StandingGrant Of(StandingGrantRow row, DateTimeOffset now) => new()
    {
        GrantId = row.GrantId,
        Namespace = row.Namespace,
        State = row.RevokedAt is not null ? "revoked" : row.Used >= row.Uses ? "used_up" : row.ExpiresAt <= now.UtcDateTime ? "lapsed" : "active",
        Group = row.ApproverGroup,
        AgentId = row.AgentId,
        Action = row.Action,
        Resource = row.Resource,
        Condition = row.Condition,
        Uses = row.Uses,
        Used = row.Used,
        Comment = row.Comment,
        By = row.By,
        CreatedAt = row.CreatedAt,
        ExpiresAt = row.ExpiresAt,
        ExpiresInMs = Math.Max(0, (long)(row.ExpiresAt - now.UtcDateTime).TotalMilliseconds),
        RevokedAt = row.RevokedAt,
        RevokedBy = row.RevokedBy,
    };
}
