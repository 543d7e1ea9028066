using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Approvals.Webhooks;

/// <summary>Writes messages where they cannot be lost: in the transaction of what they tell of.</summary>
internal sealed class WebhookOutbox(IDbContextFactory<MeshDb> factory, IOptions<ApprovalOptions> options, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Kept = TimeSpan.FromDays(30);
    private readonly SemaphoreSlim _woken = new(0, 1);

    public IReadOnlyList<WebhookTarget> Targets { get; } = [.. options.Value.Webhooks];

    public void Add(MeshDb db, string type, Approval approval, DateTime at) => Add(db, approval.Namespace, type, JsonSerializer.SerializeToNode(approval, ApprovalJson.Wire.Approval)!, at);

    public void Add(MeshDb db, string type, StandingGrant grant, DateTime at) => Add(db, grant.Namespace, type, JsonSerializer.SerializeToNode(grant, ApprovalJson.Wire.StandingGrant)!, at);

    /// <summary>Something was added and is committed.</summary>
    public void Wake()
    {
        if (Targets.Count > 0 && _woken.CurrentCount == 0)
        {
            try
            {
                _woken.Release();
            }
            catch (SemaphoreFullException)
            {
                // Somebody else woke it.
            }
        }
    }

    /// <summary>Until something is added here, at the longest for a time.</summary>
    public async Task WaitAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(_woken.WaitAsync(enough.Token), Task.Delay(atMost, time, enough.Token));
        await enough.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Deletes what was delivered or given up long ago.</summary>
    public async Task ForgetAsync(CancellationToken cancellationToken)
    {
        if (Targets.Count > 0)
        {
            var before = time.GetUtcNow().UtcDateTime - Kept;
            await using var db = await factory.CreateDbContextAsync(cancellationToken);
            await db.Set<WebhookDeliveryRow>().Where(row => row.State != WebhookDeliveryRow.Pending && row.CreatedAt < before).ExecuteDeleteAsync(cancellationToken);
        }
    }

    public void Dispose() => _woken.Dispose();

    private void Add(MeshDb db, string space, string type, JsonNode data, DateTime at)
    {
        if (Targets.Count == 0)
        {
            return;
        }

        var body = new JsonObject { ["type"] = type, ["timestamp"] = at.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture), ["data"] = data }
            .ToJsonString(ApprovalJson.Wire.Options);
        db.AddRange(Targets.Select(target => new WebhookDeliveryRow
        {
            MessageId = $"msg_{Guid.CreateVersion7(at)}", Target = target.Id, Namespace = space, Type = type, Body = body, State = WebhookDeliveryRow.Pending, CreatedAt = at, NextAt = at,
        }));
    }
}
