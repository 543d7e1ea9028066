using System.Globalization;
using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Leases;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>Asks whether an action may be done, and keeps the policies that decide it.</summary>
public sealed class PoliciesClient
{
    private readonly MeshApi _api;
    private readonly MeshClientOptions _options;

    internal PoliciesClient(MeshApi api, MeshClientOptions options) => (_api, _options) = (api, options);

    /// <summary>May this agent do this now? A deny is an answer: its reasons say what would change it.</summary>
    /// <param name="action">What it wants to do, such as <c>refund</c>.</param>
    /// <param name="resource">The <c>type/id</c> that it wants to do it to.</param>
    /// <param name="metadata">What it says of the action.</param>
    /// <param name="lease">Its lease on the resource, for rules that require one.</param>
    /// <param name="dryRun">True only looks: no place in a rate is taken.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ValidationException">The question breaks a rule, or a field of the metadata is not what the policy declares.</exception>
    /// <exception cref="UnavailableException">The service could not be reached; nothing is allowed then.</exception>
    public Task<PolicyDecision> CheckAsync(
        string action, string? resource = null, JsonObject? metadata = null, Lease? lease = null, bool dryRun = false,
        CancellationToken cancellationToken = default) =>
        CheckAsync(new PolicyCheck { Action = action, Resource = resource, Metadata = metadata, Lease = lease }, dryRun, cancellationToken);

    /// <inheritdoc cref="CheckAsync(string, string?, JsonObject?, Lease?, bool, CancellationToken)"/>
    /// <param name="check">The whole question.</param>
    public Task<PolicyDecision> CheckAsync(PolicyCheck check, bool dryRun = false, CancellationToken cancellationToken = default) =>
        _api.CheckAsync(Body(check), Dry(dryRun), cancellationToken);

    /// <summary>1-100 questions in one call, each decided alone; the answers come in their order, a decision or a problem each.</summary>
    /// <param name="checks">The questions; an action alone is one.</param>
    /// <param name="dryRun">True only looks: no place in a rate is taken.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="UnavailableException">The service could not be reached; nothing is allowed then.</exception>
    public async Task<IReadOnlyList<PolicyResult>> CheckBatchAsync(
        IReadOnlyList<PolicyCheck> checks, bool dryRun = false, CancellationToken cancellationToken = default) =>
        (await _api.CheckBatchAsync(new CheckPolicies { Checks = [.. checks.Select(Body)] }, Dry(dryRun), cancellationToken)).Results;

    /// <summary>Could the service use this document? Nothing is stored.</summary>
    /// <param name="document">The policy in YAML.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ValidationException">It could not; each error has its line and column. (<c>policy_invalid</c>)</exception>
    public Task<PolicyValidation> ValidateAsync(string document, CancellationToken cancellationToken = default) =>
        _api.ValidatePolicyAsync(document, cancellationToken);

    /// <summary>Keeps a document as the next version of a policy; it decides nothing before it is activated. The newest once more stays the newest.</summary>
    /// <param name="name">The policy's name, which the document has too.</param>
    /// <param name="document">The policy in YAML.</param>
    /// <param name="author">Who wrote it.</param>
    /// <param name="comment">Why.</param>
    /// <param name="namespace">Where it is kept; the client's namespace.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ValidationException">The document has errors, or its own tests fail; nothing is stored. (<c>policy_invalid</c>)</exception>
    public Task<PolicyVersion> PutAsync(
        string name, string document, string? author = null, string? comment = null, string? @namespace = null,
        CancellationToken cancellationToken = default) =>
        _api.PutPolicyAsync(name, document, InNamespace(@namespace).Add("author", author).Add("comment", comment), cancellationToken);

    /// <summary>What decides in a namespace, and which policies it keeps.</summary>
    public Task<PolicyPage> ListAsync(string? @namespace = null, string? pageToken = null, CancellationToken cancellationToken = default) =>
        _api.ListPoliciesAsync(InNamespace(@namespace).Add("page_token", pageToken), cancellationToken);

    /// <summary>The versions of a policy without their documents, the newest first, page by page as they are read.</summary>
    /// <exception cref="NotFoundException">There is no such policy.</exception>
    public IAsyncEnumerable<PolicyVersion> VersionsAsync(string name, string? @namespace = null, CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var page = await _api.ListPolicyVersionsAsync(name, InNamespace(@namespace).Add("page_token", token), stop);
            return (page.Versions, page.NextPageToken);
        },
        cancellationToken);

    /// <summary>A version with its document.</summary>
    /// <exception cref="NotFoundException">There is no such version.</exception>
    public Task<PolicyVersion> GetAsync(string name, int version, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.GetPolicyVersionAsync(name, version, InNamespace(@namespace), cancellationToken);

    /// <summary>Lets a version decide in its namespace from now on; an older one is the way back.</summary>
    /// <param name="name">The policy's name.</param>
    /// <param name="version">Which.</param>
    /// <param name="ifMatch">
    /// The <see cref="PolicyActivation.Revision"/> that this replaces, as <see cref="ListAsync"/> tells it, so that nobody's
    /// change is overwritten unseen; null replaces whatever is there.
    /// </param>
    /// <param name="by">Who activates it.</param>
    /// <param name="namespace">Where it is kept; the client's namespace.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ValidationException">Somebody else activated another one first. (<c>precondition_failed</c>)</exception>
    /// <exception cref="NotFoundException">There is no such version.</exception>
    public Task<PolicyActivation> ActivateAsync(
        string name, int version, long? ifMatch, string? by = null, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.ActivatePolicyAsync(
            name, version, ifMatch is { } revision ? string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"") : "*",
            InNamespace(@namespace).Add("by", by), cancellationToken);

    /// <summary>What changed between two versions: rules by their ids, and the texts.</summary>
    /// <exception cref="NotFoundException">There is no such version.</exception>
    public Task<PolicyDiff> DiffAsync(string name, int from, int to, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.DiffPolicyAsync(name, InNamespace(@namespace).Add("from", from).Add("to", to), cancellationToken);

    /// <summary>What was decided, the newest first and without the inputs, page by page as it is read. Of allows the service keeps a sample.</summary>
    /// <param name="agentId">Who asked; anyone.</param>
    /// <param name="action">What it wanted to do; anything.</param>
    /// <param name="decision">One of <see cref="PolicyVerdict"/>; any.</param>
    /// <param name="policy">The name of the policy that decided; any.</param>
    /// <param name="namespace">Where; the client's namespace, or everywhere when it has none.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public IAsyncEnumerable<RecordedDecision> DecisionsAsync(
        string? agentId = null, string? action = null, string? decision = null, string? policy = null, string? @namespace = null,
        CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var query = InNamespace(@namespace).Add("agent_id", agentId).Add("action", action).Add("decision", decision)
                .Add("policy", policy).Add("page_token", token);
            var page = await _api.ListDecisionsAsync(query, stop);
            return (page.Decisions, page.NextPageToken);
        },
        cancellationToken);

    /// <summary>A decision with everything that its rules saw.</summary>
    /// <exception cref="NotFoundException">It was not kept, or is not written down yet.</exception>
    public Task<RecordedDecision> DecisionAsync(string decisionId, CancellationToken cancellationToken = default) =>
        _api.GetDecisionAsync(decisionId, cancellationToken);

    private CheckPolicy Body(PolicyCheck check) => new()
    {
        AgentId = check.AgentId ?? check.Lease?.AgentId ?? _options.AgentId,
        Action = check.Action,
        Namespace = check.Namespace ?? check.Lease?.Namespace ?? _options.Namespace,
        Resource = check.Resource ?? check.Lease?.Resource,
        FencingToken = check.FencingToken ?? ((check.Resource ?? check.Lease?.Resource) is null ? null : check.Lease?.FencingToken),
        RequestId = check.RequestId ?? Acquisition.NewRequestId(_options.TimeProvider),
        RunId = check.RunId,
        ApprovalId = check.ApprovalId,
        Metadata = ActionMetadata.ToElement(check.Metadata),
    };

    private Query InNamespace(string? name) => new Query().Add("namespace", name ?? _options.Namespace);

    private static Query Dry(bool only) => new Query().Add("dry_run", only ? "true" : null);
}
