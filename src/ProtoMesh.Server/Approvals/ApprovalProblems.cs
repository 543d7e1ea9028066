using ProtoMesh.Contracts;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Server.Approvals;

/// <summary>The sentences of this room's problems.</summary>
internal static class ApprovalProblems
{
    public static Problem Unknown() => Problems.Of("approval_unknown", "There is no such approval, or it is another agent's.");

    public static Problem UnknownGrant() => Problems.Of("grant_unknown", "There is no such standing grant.");

    public static Problem Closed(ApprovalRecord record) => Problems.Of("approval_closed", $"The approval {record.Row.ApprovalId} {Story(record.Row)}.") with { State = record.Row.State };

    /// <summary>A vote on something else than what it has become.</summary>
    public static Problem Unread(ApprovalRecord record) => Problems.Of(
        "approval_closed", $"The approval {record.Row.ApprovalId} is not what was read; read it again, and approve with its digest {record.Row.Digest}.") with { State = record.Row.State };

    public static Problem OwnRequest(string agentId) => Problems.Of("not_an_approver", $"{agentId} asked for this approval; whoever asks does not decide.");

    public static Problem NotOfTheGroup(string group, Caller caller) => Problems.Of(
        "not_an_approver", $"The group {group} decides this, and the key {caller.KeyId} is {(caller.Groups.Count == 0 ? "of no group" : $"of {string.Join(", ", caller.Groups)}")}.");

    private static string Story(ApprovalRow row) => row.State switch
    {
        ApprovalState.Pending => "still waits for a decision, so there is nothing to revoke",
        ApprovalState.Approved => "was approved already",
        ApprovalState.Denied => $"was denied{(row.EndedBy is { } by ? $" by {by}" : "")}",
        ApprovalState.Expired => "expired before enough people had decided",
        ApprovalState.Cancelled => "was cancelled",
        ApprovalState.Superseded => "was replaced by a newer request, or the policy has changed",
        ApprovalState.Consumed => "was used already",
        ApprovalState.Lapsed => "was not used in time",
        _ => "was revoked",
    };
}
