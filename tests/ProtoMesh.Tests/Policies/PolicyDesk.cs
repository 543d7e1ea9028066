using System.Text.Json;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>One document over one fresh store, asked without HTTP.</summary>
internal sealed class PolicyDesk(TestStore store, string document, params KnownResource[] known) : IAsyncDisposable
{
    private readonly PolicyScripts _scripts = new(store.Scripts, Options.Create(new StoreOptions()), store.Clock);
    private readonly PolicySubjects _subjects = new(Options.Create(new PolicyOptions { Resources = [.. known] }), new ProtoMesh.Server.Access.NamespaceBook());
    private int _questions;

    public PolicySet Set { get; } = PolicySet.Load(document) is { Set: { } set } ? set : throw new InvalidOperationException(
        string.Join('\n', PolicySet.Load(document).Errors.Select(error => error.ToString()).Concat(PolicySet.Load(document).Tests?.Failed.Select(failure => failure.Message) ?? [])));

    public TestStore Store => store;

    public PolicyScripts Scripts => _scripts;

    public static async Task<PolicyDesk> OpenAsync(string backend, string document, params KnownResource[] known) => new(await TestStore.OpenAsync(backend), document, known);

    public PolicyQuestion Question(string action, string? resource = null, string? metadata = null, string agent = "agent-1", long? token = null, string? id = null) => new()
    {
        Namespace = "default",
        AgentId = agent,
        Action = action,
        Resources = resource is not null && ResourceName.TryParse("default", resource, out var name) ? [name] : [],
        FencingToken = token,
        RequestId = id ?? $"question-{Interlocked.Increment(ref _questions)}",
        Metadata = metadata is null ? null : JsonElement.Parse(metadata),
    };

    public Task<PolicyAnswer> AskAsync(string action, string? resource = null, string? metadata = null, string agent = "agent-1", long? token = null, string? id = null) =>
        AskAsync(Question(action, resource, metadata, agent, token, id));

    public async Task<PolicyAnswer> AskAsync(PolicyQuestion question)
    {
        var outcome = await OutcomeAsync(question);
        return outcome.Answer ?? throw new InvalidOperationException(outcome.Problem!.Detail);
    }

    public async Task<PolicyOutcome> OutcomeAsync(PolicyQuestion question) =>
        await new PolicyDecider(_subjects, _scripts, new PolicyApprovals(new NoApprovers())).DecideAsync(new ActivePolicy(Set, 1, 1), question, CancellationToken.None);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    /// <summary>A house in which nobody has approved anything yet; the approvals' own tests have people.</summary>
    private sealed class NoApprovers : IApprovalBook
    {
        public Task<KnownApproval?> FindAsync(string space, string id, CancellationToken cancellationToken) => Task.FromResult<KnownApproval?>(null);

        public Task<KnownApproval> OpenAsync(ApprovalDraft draft, CancellationToken cancellationToken) => Task.FromResult(new KnownApproval
        {
            Id = Guid.Empty.ToString(), State = ApprovalState.Pending, AgentId = draft.Question.AgentId, Digest = draft.Digest, Group = draft.Approvers.Group,
            Quorum = draft.Approvers.Quorum, EndsAt = DateTimeOffset.UnixEpoch, EndsInMs = (long)draft.Approvers.Expires.TotalMilliseconds, By = [], Voters = [], Rules = [],
        });

        public Task<IReadOnlyList<UsableGrant>> GrantsAsync(PolicyQuestion question, string group, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<UsableGrant>>([]);
    }
}
