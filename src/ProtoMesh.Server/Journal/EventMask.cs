using System.Text.Json;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Server.Access;

namespace ProtoMesh.Server.Journal;

/// <summary>What an agent sees of what happened to others when keys are on: that it happened, to whom, where and why; no ids, nothing attached.</summary>
internal static class EventMask
{
    private static readonly JsonElement Nothing = JsonElement.Parse("{}");

    public static MeshEvent For(MeshEvent shown, Caller caller) =>
        caller.SeesAllIds || (shown.AgentId is { } agent && caller.Sees(agent)) ? shown : shown with { LockId = null, Data = Nothing };
}
