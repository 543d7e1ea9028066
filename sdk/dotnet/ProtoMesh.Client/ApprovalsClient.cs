using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Leases;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>
/// Asks people to approve actions, waits for them, and decides. An approval is for one action with one metadata, once:
/// whoever asks to do it again with the approval's id uses it up.
/// </summary>
public sealed class ApprovalsClient
{
    internal const string Pending = "pending";
    internal const string Approved = "approved";
    internal const string Superseded = "superseded";
    internal const string Lapsed = "lapsed";

    // Common HTTP resilience handlers and proxies cut at 10 s.
    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(8);

    // For the answer to the last call of a wait.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ShortestRound = TimeSpan.FromMilliseconds(250);

    private readonly MeshApi _api;
    private readonly MeshClientOptions _options;

    internal ApprovalsClient(MeshApi api, MeshClientOptions options) => (_api, _options) = (api, options);

    /// <summary>Opens a request for approval; while one for the same thing is pending it is that one.</summary>
    /// <param name="action">What is to be done, such as <c>prod.deploy</c>.</param>
    /// <param name="resource">The <c>type/id</c> to which.</param>
    /// <param name="options">The action's metadata, and why.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ConflictException">The policy wants nobody to approve this. (<c>approval_not_needed</c>)</exception>
    /// <exception cref="PolicyDeniedException">The policy forbids it, so there is nothing to approve.</exception>
    public Task<Approval> RequestAsync(
        string action, string? resource = null, ApprovalOptions? options = null, CancellationToken cancellationToken = default) =>
        _api.RequestApprovalAsync(Body(action, options) with { Resource = resource }, cancellationToken);

    /// <inheritdoc cref="RequestAsync(string, string?, ApprovalOptions?, CancellationToken)"/>
    /// <param name="resources">To which.</param>
    public Task<Approval> RequestAsync(
        string action, IReadOnlyList<string> resources, ApprovalOptions? options = null, CancellationToken cancellationToken = default) =>
        _api.RequestApprovalAsync(Body(action, options) with { Resources = resources }, cancellationToken);

    /// <summary>An approval in any state.</summary>
    /// <exception cref="NotFoundException">There is none that this caller may see. (<c>approval_unknown</c>)</exception>
    public Task<Approval> GetAsync(string approvalId, CancellationToken cancellationToken = default) =>
        _api.GetApprovalAsync(approvalId, hold: null, until: null, cancellationToken);

    /// <summary>Waits until an approval is no longer pending. At the end of the time it is given back as it is, pending.</summary>
    /// <param name="approvalId">Which.</param>
    /// <param name="timeout">How long to wait. While it lasts, an unreachable service is called again.</param>
    /// <param name="cancellationToken">Ends the waiting; the approval stays open.</param>
    /// <exception cref="NotFoundException">There is none that this caller may see.</exception>
    /// <exception cref="UnavailableException">The service could not be reached once in all that time.</exception>
    public async Task<Approval> WaitAsync(string approvalId, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        Durations.Check(timeout, nameof(timeout));
        var time = _options.TimeProvider;
        var ends = LeaseDeadline.Add(time, time.GetTimestamp(), timeout);
        Approval? seen = null;
        while (true)
        {
            var began = time.GetTimestamp();
            try
            {
                seen = await LookAsync(approvalId, ends, cancellationToken);
            }
            catch (UnavailableException fault) when (seen is not null && fault.Retryable)
            {
                // The time is up, and nobody was told that it is decided.
                return seen;
            }
            var left = LeaseDeadline.Until(time, ends);
            if (seen.State != Pending || left <= TimeSpan.Zero)
            {
                return seen;
            }
            // One that answers early, as when it shuts down, would otherwise be called in a tight loop.
            var pause = ShortestRound - time.GetElapsedTime(began);
            if (pause > TimeSpan.Zero)
            {
                await Task.Delay(pause < left ? pause : left, time, cancellationToken);
            }
        }
    }

    /// <summary>Approvals, page by page as they are read.</summary>
    /// <param name="state">The state that they are in, such as <c>pending</c>; any.</param>
    /// <param name="agentId">Who asked; anyone.</param>
    /// <param name="group">Who decides; any.</param>
    /// <param name="action">What for; anything.</param>
    /// <param name="namespace">Where; the client's namespace.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public IAsyncEnumerable<Approval> ListAsync(
        string? state = null, string? agentId = null, string? group = null, string? action = null, string? @namespace = null,
        CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var query = InNamespace(@namespace).Add("state", state).Add("agent_id", agentId).Add("group", group).Add("action", action).Add("page_token", token);
            var page = await _api.ListApprovalsAsync(query, stop);
            return (page.Approvals, page.NextPageToken);
        },
        cancellationToken);

    /// <summary>Says yes. With the last yes that it needs, the approval can be used once.</summary>
    /// <param name="approvalId">Which.</param>
    /// <param name="comment">Why; kept with the vote.</param>
    /// <param name="metadata">Approves it with other metadata than was asked for; the policy decides that anew.</param>
    /// <param name="digest">That of the approval as it was read; required once somebody else has edited it.</param>
    /// <param name="validFor">How long it may be used once it is approved, up to 24 h; 1 h.</param>
    /// <param name="approver">Who decides, where the service is open; with keys the key says who.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="UnauthorizedException">The caller is not of its group, or asked for it. (<c>not_an_approver</c>)</exception>
    /// <exception cref="ConflictException">It is no longer pending; the problem's <c>state</c> says what it is. (<c>approval_closed</c>)</exception>
    /// <exception cref="NotFoundException">There is none that this caller may see.</exception>
    public Task<Approval> ApproveAsync(
        string approvalId, string? comment = null, JsonObject? metadata = null, string? digest = null, TimeSpan? validFor = null, string? approver = null,
        CancellationToken cancellationToken = default)
    {
        Durations.Check(validFor, nameof(validFor));
        var body = new ApproveApproval
        {
            Comment = comment,
            Metadata = ActionMetadata.ToElement(metadata),
            Digest = digest,
            ValidMs = (long?)validFor?.TotalMilliseconds,
            Approver = approver,
        };
        return _api.ApproveAsync(approvalId, body, cancellationToken);
    }

    /// <summary>Says no, which ends it.</summary>
    /// <inheritdoc cref="ApproveAsync" path="/param"/>
    /// <inheritdoc cref="ApproveAsync" path="/exception"/>
    public Task<Approval> DenyAsync(
        string approvalId, string? comment = null, string? approver = null, CancellationToken cancellationToken = default) =>
        _api.DenyAsync(approvalId, new DenyApproval { Comment = comment, Approver = approver }, cancellationToken);

    /// <summary>Takes a request back; for who asked.</summary>
    /// <exception cref="ConflictException">It is no longer pending. (<c>approval_closed</c>)</exception>
    /// <exception cref="NotFoundException">There is none that this caller may see.</exception>
    public Task<Approval> CancelAsync(string approvalId, CancellationToken cancellationToken = default) =>
        _api.CancelApprovalAsync(approvalId, cancellationToken);

    /// <summary>Takes a yes back that was not used yet.</summary>
    /// <inheritdoc cref="ApproveAsync" path="/param"/>
    /// <inheritdoc cref="ApproveAsync" path="/exception"/>
    public Task<Approval> RevokeAsync(
        string approvalId, string? comment = null, string? approver = null, CancellationToken cancellationToken = default) =>
        _api.RevokeApprovalAsync(approvalId, new DenyApproval { Comment = comment, Approver = approver }, cancellationToken);

    /// <summary>
    /// Says yes beforehand, a number of times and for a while, to what one person may approve alone. Sent once, unless the
    /// service was certainly not reached: a second one would be another grant.
    /// </summary>
    /// <param name="group">The group of the rules that it answers.</param>
    /// <param name="action">The action.</param>
    /// <param name="expiresIn">For how long, up to 7 days.</param>
    /// <param name="uses">How often, 1-10,000.</param>
    /// <param name="options">For whom and to what it applies.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="UnauthorizedException">The caller is not of the group. (<c>not_an_approver</c>)</exception>
    public Task<StandingGrant> GrantAsync(
        string group, string action, TimeSpan expiresIn, int uses, GrantOptions? options = null, CancellationToken cancellationToken = default)
    {
        Durations.Check(expiresIn, nameof(expiresIn));
        var body = new CreateStandingGrant
        {
            Namespace = options?.Namespace ?? _options.Namespace,
            Group = group,
            AgentId = options?.AgentId,
            Action = action,
            Resource = options?.Resource,
            Condition = options?.Condition,
            ExpiresInMs = (long)expiresIn.TotalMilliseconds,
            Uses = uses,
            Comment = options?.Comment,
            Approver = options?.Approver,
        };
        return _api.CreateGrantAsync(body, cancellationToken);
    }

    /// <summary>Standing grants, page by page as they are read.</summary>
    public IAsyncEnumerable<StandingGrant> GrantsAsync(string? @namespace = null, CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var page = await _api.ListGrantsAsync(InNamespace(@namespace).Add("page_token", token), stop);
            return (page.Grants, page.NextPageToken);
        },
        cancellationToken);

    /// <summary>Ends a standing grant.</summary>
    /// <exception cref="NotFoundException">There is none. (<c>grant_unknown</c>)</exception>
    public Task<StandingGrant> RevokeGrantAsync(
        string grantId, string? comment = null, string? approver = null, CancellationToken cancellationToken = default) =>
        _api.RevokeGrantAsync(grantId, new DenyApproval { Comment = comment, Approver = approver }, cancellationToken);

    private Task<Approval> LookAsync(string approvalId, long ends, CancellationToken cancellationToken)
    {
        var left = LeaseDeadline.Until(_options.TimeProvider, ends);
        // Whole seconds are what can be asked for; the rest is waited for here.
        var hold = TimeSpan.FromSeconds(Math.Floor((left < Slice ? left : Slice).TotalSeconds));
        return hold > TimeSpan.Zero
            ? _api.GetApprovalAsync(approvalId, hold, LeaseDeadline.Add(_options.TimeProvider, ends, Grace), cancellationToken)
            : GetAsync(approvalId, cancellationToken);
    }

    private RequestApproval Body(string action, ApprovalOptions? options) => new()
    {
        Namespace = options?.Namespace ?? _options.Namespace,
        AgentId = options?.AgentId ?? _options.AgentId,
        Action = action,
        Metadata = ActionMetadata.ToElement(options?.Metadata),
        RunId = options?.RunId,
        Reason = options?.Reason,
    };

    private Query InNamespace(string? name) => new Query().Add("namespace", name ?? _options.Namespace);
}
