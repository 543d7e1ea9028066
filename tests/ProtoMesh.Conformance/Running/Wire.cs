using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ProtoMesh.Conformance.Running;

/// <summary>What the client gives, as JSON in the words of the wire.</summary>
internal static class Wire
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public static JsonNode? Of<T>(T value) => JsonSerializer.SerializeToNode(value, Json);

    public static T? Read<T>(JsonNode? node) => node is null ? default : node.Deserialize<T>(Json);

    public static JsonObject Of(Lease lease)
    {
        var wire = lease.Grant is { } grant ? Of<object>(grant)!.AsObject() : new JsonObject { ["state"] = "granted" };
        wire["lock_id"] = lease.LockId;
        wire["request_id"] = lease.RequestId;
        wire["resource"] = lease.Resource;
        wire["resources"] = Of(lease.Resources);
        wire["agent_id"] = lease.AgentId;
        wire["fencing_token"] = lease.FencingToken;
        wire["previous"] = Of(lease.Previous);
        wire["changed_since_last_held"] = lease.ChangedSinceLastHeld;
        wire["decision"] = Of(lease.Decision);
        wire["is_held"] = lease.IsHeld;
        wire["remaining_ms"] = (long)lease.Remaining.TotalMilliseconds;
        wire["lost"] = lease.Lost.IsCancellationRequested;
        wire["waiters"] = Of(lease.Waiters);
        return wire;
    }

    public static JsonObject Of(Guard guard) => new()
    {
        ["granted"] = guard.Granted,
        ["unprotected"] = guard.Unprotected,
        ["lease"] = guard.Lease is { } lease ? Of(lease) : null,
        ["decision"] = Of(guard.Decision),
        ["approval_id"] = guard.ApprovalId,
        ["reservations"] = Of(guard.Reservations),
        ["text"] = guard.Text,
        ["denial"] = guard.Denial is { } denial
            ? new JsonObject
            {
                ["code"] = denial.Code,
                ["text"] = denial.Text,
                ["retryable"] = denial.Retryable,
                ["retry_after_ms"] = denial.RetryAfter?.TotalMilliseconds,
                ["decision"] = Of(denial.Decision),
                ["approval"] = Of(denial.Approval),
                ["problem"] = Of(denial.Problem),
            }
            : null,
    };

    /// <summary>An error as scenarios expect it; anything that is not the client's own shows its type.</summary>
    public static JsonObject Of(Exception fault) => fault switch
    {
        MeshException error => new JsonObject
        {
            ["code"] = error.Code,
            ["class"] = Short(error),
            ["retryable"] = error.Retryable,
            ["retry_after_ms"] = error.RetryAfter?.TotalMilliseconds,
            ["message"] = error.Message,
            ["next_step"] = error.NextStep,
            ["status"] = error.Status,
            ["title"] = error.Title,
            ["trace_id"] = error.TraceId,
            ["problem"] = Of(error.Problem),
        },
        OperationCanceledException => new JsonObject { ["code"] = "given_up", ["class"] = "GivenUp" },
        _ => new JsonObject { ["code"] = "not_ours", ["class"] = Short(fault), ["message"] = fault.Message },
    };

    private static string Short(Exception fault) => fault.GetType().Name.Replace("Exception", "", StringComparison.Ordinal);
}
