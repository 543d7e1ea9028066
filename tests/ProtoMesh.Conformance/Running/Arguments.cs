using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Running;

/// <summary>Arguments in the words of the wire as options of the client; what is absent is left to its defaults.</summary>
internal static class Arguments
{
    public static LeaseOptions Lease(JsonObject args, Names names) => Fill(new LeaseOptions
    {
        OnQueued = (string?)args["on_queued"] is { } name ? queued => names.Append(name, Wire.Of(queued)) : null,
    }, args);

    public static GuardOptions Guard(JsonObject args, Names names)
    {
        var options = (GuardOptions)Fill(new GuardOptions
        {
            OnUnavailable = (string?)args["on_unavailable"] == "open" ? OnUnavailable.Open : OnUnavailable.Closed,
            OnApproval = (string?)args["on_approval"] == "wait" ? OnApproval.Wait : OnApproval.Raise,
            OnWaiting = (string?)args["on_waiting"] is { } name ? approval => names.Append(name, Wire.Of(approval)) : null,
        }, args);
        return options with { ApprovalTimeout = Span(args["approval_timeout_ms"]) ?? options.ApprovalTimeout };
    }

    private static LeaseOptions Fill(LeaseOptions options, JsonObject args) => options with
    {
        Priority = (int?)args["priority"],
        Wait = Span(args["wait_ms"]) ?? options.Wait,
        Ttl = Span(args["ttl_ms"]),
        MaxHold = Span(args["max_hold_ms"]),
        Drain = Span(args["drain_ms"]),
        Mode = (string?)args["mode"],
        Capacity = (int?)args["capacity"],
        Units = (int?)args["units"],
        Reason = (string?)args["reason"],
        Labels = Wire.Read<Dictionary<string, string>>(args["labels"]),
        Action = (string?)args["action"],
        Metadata = args["metadata"]?.DeepClone() as JsonObject,
        Reentrant = (bool?)args["reentrant"],
        Durability = (string?)args["durability"],
        Namespace = (string?)args["namespace"],
        AgentId = (string?)args["agent_id"],
        SessionId = (string?)args["session_id"],
        RequestId = (string?)args["request_id"],
        RunId = (string?)args["run_id"],
        ApprovalId = (string?)args["approval_id"],
        AutoRenew = (bool?)args["auto_renew"] ?? true,
    };

    public static TimeSpan? Span(JsonNode? milliseconds) => milliseconds is null ? null : TimeSpan.FromMilliseconds((double)milliseconds);
}
