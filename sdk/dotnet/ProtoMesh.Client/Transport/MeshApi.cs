using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Transport;

/// <summary>All HTTP of the client: one method per endpoint, nothing but its method, path, body and answer.</summary>
internal sealed partial class MeshApi(Sender sender, MeshClientOptions options)
{
    public MeshClientOptions Options => options;

    /// <summary>200 is a grant, 202 a place in the queue.</summary>
    public Task<Reply<object>> AcquireAsync(AcquireLock body, TimeSpan hold, long? until, CancellationToken cancellationToken) =>
        sender.SendAsync(Post("v1/locks", body, LocksJson.Default.AcquireLock, hold, until), GrantedOrQueued, cancellationToken);

    /// <inheritdoc cref="AcquireAsync"/>
    public Task<Reply<object>> WaitAsync(string lockId, TimeSpan hold, long? until, CancellationToken cancellationToken) =>
        sender.SendAsync(Post($"v1/locks/{Escape(lockId)}/wait", hold, until), GrantedOrQueued, cancellationToken);

    public async Task<DryRunVerdict> DryRunAsync(AcquireLock body, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/locks?dry_run=true", body, LocksJson.Default.AcquireLock), LocksJson.Default.DryRunVerdict, cancellationToken)).Value;

    public async Task<ObservedLock> GetAsync(string lockId, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/locks/{Escape(lockId)}"), LocksJson.Default.ObservedLock, cancellationToken)).Value;

    public async Task<Explanation> ExplainAsync(string lockId, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/locks/{Escape(lockId)}/explain"), LocksJson.Default.Explanation, cancellationToken)).Value;

    public Task<Reply<RenewedLock>> RenewAsync(string lockId, RenewLock body, long? until, CancellationToken cancellationToken) =>
        SendAsync(Post($"v1/locks/{Escape(lockId)}/renew", body, LocksJson.Default.RenewLock, until: until), LocksJson.Default.RenewedLock, cancellationToken);

    public Task<Reply<RenewResults>> RenewManyAsync(RenewLocks body, long until, CancellationToken cancellationToken) =>
        SendAsync(Post("v1/locks/renew", body, LocksJson.Default.RenewLocks, until: until), LocksJson.Default.RenewResults, cancellationToken);

    public async Task<ReleasedLock> ReleaseAsync(string lockId, ReleaseLock body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/locks/{Escape(lockId)}/release", body, LocksJson.Default.ReleaseLock), LocksJson.Default.ReleasedLock, cancellationToken)).Value;

    public async Task<ReleasedLock> CancelAsync(string lockId, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/locks/{Escape(lockId)}/cancel"), LocksJson.Default.ReleasedLock, cancellationToken)).Value;

    public async Task<ReleasedLock> CancelRequestAsync(CancelLock body, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/locks/cancel", body, LocksJson.Default.CancelLock), LocksJson.Default.ReleasedLock, cancellationToken)).Value;

    public Task<Reply<GrantedLock>> TransferAsync(string lockId, TransferLock body, CancellationToken cancellationToken) =>
        SendAsync(Post($"v1/locks/{Escape(lockId)}/transfer", body, LocksJson.Default.TransferLock), LocksJson.Default.GrantedLock, cancellationToken);

    public async Task<QueuedLock> ReprioritizeAsync(string lockId, ReprioritizeLock body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/locks/{Escape(lockId)}/reprioritize", body, LocksJson.Default.ReprioritizeLock), LocksJson.Default.QueuedLock, cancellationToken)).Value;

    public async Task<ForceReleased> ForceReleaseAsync(ForceRelease body, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/resources/force-release", body, LocksJson.Default.ForceRelease) with { Once = true }, LocksJson.Default.ForceReleased, cancellationToken)).Value;

    public async Task<LockPage> ListAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/locks" + query), LocksJson.Default.LockPage, cancellationToken)).Value;

    public async Task<ResourcePage> ResourcesAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/resources" + query), LocksJson.Default.ResourcePage, cancellationToken)).Value;

    public async Task<QueuePage> QueueAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/resources/queue" + query), LocksJson.Default.QueuePage, cancellationToken)).Value;

    public async Task<EventPage> HistoryAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/resources/history" + query), JournalJson.Default.EventPage, cancellationToken)).Value;

    public async Task<FenceVerdict> ValidateFenceAsync(ValidateFence body, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/fences/validate", body, LocksJson.Default.ValidateFence), LocksJson.Default.FenceVerdict, cancellationToken)).Value;

    public async Task<PolicyDecision> CheckAsync(CheckPolicy body, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/policies/check" + query, body, PoliciesJson.Default.CheckPolicy), PoliciesJson.Default.PolicyDecision, cancellationToken)).Value;

    public async Task<PolicyDecisions> CheckBatchAsync(CheckPolicies body, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/policies/check-batch" + query, body, PoliciesJson.Default.CheckPolicies), PoliciesJson.Default.PolicyDecisions, cancellationToken)).Value;

    /// <summary>200 and 201 alike: the version that has this document.</summary>
    public async Task<PolicyVersion> PutPolicyAsync(string name, string document, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Yaml(HttpMethod.Put, $"v1/policies/{Escape(name)}{query}", document), PoliciesJson.Default.PolicyVersion, cancellationToken)).Value;

    public async Task<PolicyValidation> ValidatePolicyAsync(string document, CancellationToken cancellationToken) =>
        (await SendAsync(Yaml(HttpMethod.Post, "v1/policies/validate", document), PoliciesJson.Default.PolicyValidation, cancellationToken)).Value;

    public async Task<PolicyPage> ListPoliciesAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/policies" + query), PoliciesJson.Default.PolicyPage, cancellationToken)).Value;

    public async Task<PolicyVersionPage> ListPolicyVersionsAsync(string name, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/policies/{Escape(name)}/versions{query}"), PoliciesJson.Default.PolicyVersionPage, cancellationToken)).Value;

    public async Task<PolicyVersion> GetPolicyVersionAsync(string name, int version, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"{VersionPath(name, version)}{query}"), PoliciesJson.Default.PolicyVersion, cancellationToken)).Value;

    public async Task<PolicyActivation> ActivatePolicyAsync(string name, int version, string ifMatch, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(
            Post($"{VersionPath(name, version)}/activate{query}") with { IfMatch = ifMatch }, PoliciesJson.Default.PolicyActivation, cancellationToken)).Value;

    public async Task<PolicyDiff> DiffPolicyAsync(string name, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/policies/{Escape(name)}/diff{query}"), PoliciesJson.Default.PolicyDiff, cancellationToken)).Value;

    public async Task<DecisionPage> ListDecisionsAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/decisions" + query), PoliciesJson.Default.DecisionPage, cancellationToken)).Value;

    public async Task<RecordedDecision> GetDecisionAsync(string decisionId, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/decisions/{Escape(decisionId)}"), PoliciesJson.Default.RecordedDecision, cancellationToken)).Value;

    /// <summary>An unhealthy service answers 503 with the same report.</summary>
    public async Task<HealthReport> HealthAsync(CancellationToken cancellationToken) =>
        (await SendAsync(Get("health") with { Reads503 = true }, HealthJson.Default.HealthReport, cancellationToken)).Value;

    public async Task<EventPage> ListEventsAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/events" + query), JournalJson.Default.EventPage, cancellationToken)).Value;

    public Task<HttpResponseMessage> StreamEventsAsync(Query query, string? lastEventId, CancellationToken cancellationToken) =>
        sender.OpenStreamAsync("v1/events" + query, lastEventId, cancellationToken);

    private Task<Reply<T>> SendAsync<T>(Call call, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class =>
        sender.SendAsync(call, (_, body) => JsonSerializer.Deserialize(body, type), cancellationToken);

    private static object? GrantedOrQueued(int status, byte[] body) => status == 202
        ? JsonSerializer.Deserialize(body, LocksJson.Default.QueuedLock)
        : JsonSerializer.Deserialize(body, LocksJson.Default.GrantedLock);

    private static Call Get(string path) => new(HttpMethod.Get, path);

    private static Call Post(string path, TimeSpan? hold = null, long? until = null) =>
        new(HttpMethod.Post, path) { Hold = hold, Until = until };

    private static Call Post<T>(string path, T body, JsonTypeInfo<T> type, TimeSpan? hold = null, long? until = null) =>
        new(HttpMethod.Post, path) { Body = JsonSerializer.SerializeToUtf8Bytes(body, type), Hold = hold, Until = until };

    private static Call Yaml(HttpMethod method, string path, string document) =>
        new(method, path) { Body = Encoding.UTF8.GetBytes(document), MediaType = "application/yaml" };

    private static string VersionPath(string name, int version) =>
        string.Create(CultureInfo.InvariantCulture, $"v1/policies/{Escape(name)}/versions/{version}");

    private static string Escape(string segment) => Uri.EscapeDataString(segment);
}
