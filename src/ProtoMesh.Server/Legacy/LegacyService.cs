using ProtoMesh.Server.Store;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts.Legacy;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Locks;

namespace ProtoMesh.Server.Legacy;

/// <summary>
/// The first version's calls, said in terms of leases: detached, claimed at their grant, one a resource and agent. An agent
/// is known by its name only, and a lock by its id: a token would be a word that the old client does not know.
/// </summary>
internal sealed class LegacyService(LockService service, LockScripts scripts, LegacyAnnouncer announcer, NamespaceBook namespaces, IOptions<LockOptions> options)
{
    public const int MostPriority = 10;
    private const int DefaultTtl = 300;
    private const string AlreadyHeld = "Agent already holds this lock (re-entrancy not allowed)";
    private const string NotOwner = "Permission denied: not lock owner";
    private const string NotFound = "Lock not found or already expired";

    /// <summary>The longest ttl in seconds.</summary>
    public int MostTtl(Caller caller) => (int)(MostTtlMs(caller) / 1_000);

    public async Task<LegacyLock> AcquireAsync(LegacyAcquire body, ResourceName name, Caller caller, CancellationToken cancellationToken)
    {
        var request = RequestOf(name, body.AgentId, body.Priority, body.Ttl, caller);
        switch (await service.AcquireAsync(request, TimeSpan.Zero, caller, cancellationToken))
        {
            case LockOutcome.Granted granted when granted.Lock.RequestId == request.RequestId:
                return new LegacyLock { Status = "acquired", LockId = granted.Lock.LockId, ExpiresIn = granted.Lock.ExpiresInMs / 1_000 };
            case LockOutcome.Granted:
                return new LegacyLock { Status = "error", Message = AlreadyHeld };
            case LockOutcome.Queued queued:
                // An agent that asks again while it waits keeps its place and its lock's id.
                announcer.Expect(new LockId(queued.Lock.RequestId, service.PartitionOf(name)));
                return new LegacyLock { Status = "queued", LockId = queued.Lock.LockId, Position = queued.Lock.Position };
            case LockOutcome.Refused refused:
                return new LegacyLock { Status = "error", Message = refused.Problem.Detail ?? refused.Problem.Title };
            default:
                throw new InvalidOperationException("A request has three outcomes.");
        }
    }

    /// <summary>Null when nothing was released, with the reason; else who holds the resource now.</summary>
    public async Task<(LegacyReleased? Released, string Message)> ReleaseAsync(LegacyRelease body, Caller caller, CancellationToken cancellationToken)
    {
        if (!LockId.TryParse(body.LockId, scripts.Partitions, out var id))
        {
            return (null, NotFound);
        }

        var (reply, _) = await scripts.ReadAsync(id, 0, cancellationToken);
        if (reply.Record is not { } record || !caller.IsIn(record.Wants[0].Name.Namespace))
        {
            return (null, NotFound);
        }

        // Ids can be seen by others, so an id alone releases nothing; and a lease with a token is released with its token.
        if (record.AgentId != body.AgentId || !IsLegacy(record))
        {
            return (null, NotOwner);
        }

        switch (record.State)
        {
            case LockState.Queued:
                await service.CancelAsync(id, caller.Guard, cancellationToken);
                return (new LegacyReleased(), "");
            case LockState.Granted or LockState.Released:
                var (answer, next) = await service.ReleaseAsync(id, record.Token, null, caller.Guard, cancellationToken);
                return answer.Problem is { Code: not "journal_unavailable" } ? (null, NotFound) : (new LegacyReleased { NextAgent = next.FirstOrDefault() }, "");
            default:
                return (null, NotFound);
        }
    }

    public async Task<LegacyCancelled> CancelAsync(ResourceName name, string agentId, Caller caller, CancellationToken cancellationToken)
    {
        // A dry run answers what the agent has there already, in whatever state; taking that back cannot hit a later request.
        var probe = RequestOf(name, agentId, 0, null, caller);
        var reply = await scripts.ConsiderAsync(service.PartitionOf(name), probe, cancellationToken);
        if (reply is not { Tag: "state", Record.IsLive: true })
        {
            return new LegacyCancelled { Detail = "not_in_queue" };
        }

        return (await service.CancelAsync(reply.Id, caller.Guard, cancellationToken)).Value?.State switch
        {
            LockState.Cancelled => new LegacyCancelled { Detail = "removed_from_queue" },
            LockState.Released => new LegacyCancelled { Detail = "released" },
            _ => new LegacyCancelled { Detail = "not_in_queue" },
        };
    }

    public async Task<LegacyStatus> StatusAsync(string lockId, Caller caller, CancellationToken cancellationToken)
    {
        if (!LockId.TryParse(lockId, scripts.Partitions, out var id)
            || (await scripts.ReadAsync(id, 0, cancellationToken)).Reply is not { Record: { State: LockState.Granted } record } reply || record.Ends <= reply.Now || !caller.IsIn(record.Wants[0].Name.Namespace))
        {
            return new LegacyStatus { Status = "expired" };
        }

        var name = record.Wants[0].Name;
        return new LegacyStatus
        {
            Status = "active",
            AgentId = record.AgentId,
            AcquiredAt = LockRecord.Time(record.Granted),
            ResourceType = LegacyNames.TypeOf(name),
            ResourceId = name.Id,
        };
    }

    private long MostTtlMs(Caller caller) => Math.Min(options.Value.MaxTtlMs, caller.MaxTtlMs ?? options.Value.MaxTtlMs);

    private static bool IsLegacy(LockRecord record) => record.Flags.Contains(LockFlags.Legacy, StringComparison.Ordinal);

    private LockRequest RequestOf(ResourceName name, string agentId, int priority, int? ttl, Caller caller) => new()
    {
        RequestId = LegacyNames.NewRequestId(agentId),
        Wants = [new Want(LockMode.Exclusive, 0, 0, name)],
        AgentId = agentId,
        Priority = Math.Clamp(priority, 0, caller.MaxPriority ?? MostPriority),
        TtlMs = ttl * 1_000L ?? Math.Min(DefaultTtl * 1_000L, MostTtlMs(caller)),
        WaitMs = LockValidator.MostWaitMs,
        MaxHoldMs = LockValidator.MostHoldMs,
        Flags = LockFlags.Detached + LockFlags.Legacy + (namespaces.Of(name.Namespace).IsJournaled(null, options.Value.Durability) ? LockFlags.Journaled : ""),
    };
}
