using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>What decisions have to know of approvals. The room of the approvals answers it.</summary>
internal interface IApprovalBook
{
    /// <summary>Null when the namespace has no such approval.</summary>
    Task<KnownApproval?> FindAsync(string space, string id, CancellationToken cancellationToken);

    /// <summary>The approval of this very thing that waits or was given and not used; opens one when there is none.</summary>
    Task<KnownApproval> OpenAsync(ApprovalDraft draft, CancellationToken cancellationToken);

    /// <summary>What people allowed in advance for exactly this action and resource, and is not used up; what lapses first comes first.</summary>
    Task<IReadOnlyList<UsableGrant>> GrantsAsync(PolicyQuestion question, string group, CancellationToken cancellationToken);
}

/// <summary>The states of an approval. All but the first two are its end.</summary>
internal static class ApprovalState
{
    public const string Pending = "pending";
    public const string Approved = "approved";
    public const string Denied = "denied";
    public const string Expired = "expired";
    public const string Cancelled = "cancelled";
    public const string Superseded = "superseded";
    public const string Consumed = "consumed";
    public const string Lapsed = "lapsed";
    public const string Revoked = "revoked";

    public static IReadOnlyList<string> All { get; } = [Pending, Approved, Denied, Expired, Cancelled, Superseded, Consumed, Lapsed, Revoked];
}

/// <summary>An approval, as far as a decision needs it.</summary>
internal sealed record KnownApproval
{
    public required string Id { get; init; }

    public required string State { get; init; }

    public required string AgentId { get; init; }

    /// <summary>Of what was approved; see <see cref="ApprovalDigest"/>.</summary>
    public required string Digest { get; init; }

    public required string Group { get; init; }

    public required int Quorum { get; init; }

    /// <summary>When it expires if nobody decides, or lapses when it is approved.</summary>
    public required DateTimeOffset EndsAt { get; init; }

    /// <summary>How long that is from when it was read.</summary>
    public required long EndsInMs { get; init; }

    /// <summary>When an approved one lapses.</summary>
    public DateTimeOffset? ValidUntil { get; init; }

    /// <summary>Who said yes.</summary>
    public required IReadOnlyList<string> By { get; init; }

    /// <summary>The keys, or the names, of those who said yes.</summary>
    public required IReadOnlyList<string> Voters { get; init; }

    /// <summary>The rules that asked for it.</summary>
    public required IReadOnlyList<string> Rules { get; init; }

    /// <summary>It was opened by this very question.</summary>
    public bool IsNew { get; init; }
}

/// <summary>What somebody has to say yes to.</summary>
internal sealed record ApprovalDraft(PolicyQuestion Question, ActivePolicy Policy, string Digest, Approvers Approvers, IReadOnlyList<AskingRule> Rules);

/// <summary>A rule that asks for an approval, where it stands and what it says.</summary>
internal sealed record AskingRule(string Rule, string At, string Message);

/// <summary>An allowance in advance.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Condition">CEL over what the policy's rules see; null: always.</param>
/// <param name="Uses">How often it may be used in all.</param>
/// <param name="ExpiresAt">Until when.</param>
/// <param name="By">Who gave it.</param>
internal sealed record UsableGrant(string Id, string? Condition, int Uses, DateTimeOffset ExpiresAt, string By);

/// <summary>What <c>request.approval</c> tells rules.</summary>
internal static class ApprovalFacts
{
    public static readonly CelRecordType Type = new("approval", [new("id", CelType.String, false), new("by", CelType.ListOf(CelType.String), false)]);

    public static CelValue Of(KnownApproval approval) =>
        CelValue.Record(new CelRecord(Type, [CelValue.Of(approval.Id), CelValue.List([.. approval.By.Select(CelValue.Of)])]));
}
