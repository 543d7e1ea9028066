using System.Globalization;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Transport;

namespace ProtoMesh.Leases;

/// <summary>What a request for a lease may have set aside in budgets although no lease came of it.</summary>
internal static class Reservations
{
    /// <summary>Gives it back, as far as anybody can be told. It never throws: what stays expires by itself.</summary>
    /// <param name="api">The service.</param>
    /// <param name="request">What was asked for.</param>
    /// <param name="queued">What was answered last, if it waited.</param>
    /// <param name="limit">Ends the trying.</param>
    public static async Task GiveBackAsync(MeshApi api, AcquireLock request, QueuedLock? queued, CancellationToken limit)
    {
        var body = new ReleaseBudget { Namespace = request.Namespace };
        try
        {
            foreach (var id in IdsOf(request, queued))
            {
                await api.ReleaseReservationAsync(id, body, limit);
            }
        }
        catch (Exception fault) when (fault is MeshException or OperationCanceledException)
        {
            // There is none, or no more of them, or nobody can be told.
        }
    }

    /// <summary>A reservation has the id of its request, and that of each further rule a number after it.</summary>
    private static IEnumerable<string> IdsOf(AcquireLock request, QueuedLock? queued)
    {
        if (queued?.Decision is { } decision)
        {
            return (decision.Obligations?.Budget ?? []).Select(one => one.ReservationId).OfType<string>();
        }
        var id = request.RequestId!;
        return Enumerable.Range(1, int.MaxValue - 1).Select(rule => rule == 1 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}-{rule}"));
    }
}
