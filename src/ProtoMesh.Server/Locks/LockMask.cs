using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Access;

namespace ProtoMesh.Server.Locks;

/// <summary>
/// What an agent sees of others when keys are on: who, why, how far and since when; not the ids of their leases, nor what
/// they attached. Whoever may see all ids gets the answers as they are.
/// </summary>
internal static class LockMask
{
    public static QueuedLock For(this QueuedLock queued, Caller caller) =>
        caller.SeesAllIds ? queued : queued with { BlockedBy = queued.BlockedBy.For(caller) };

    public static DryRunVerdict For(this DryRunVerdict verdict, Caller caller) =>
        caller.SeesAllIds ? verdict : verdict with { BlockedBy = verdict.BlockedBy.For(caller) };

    public static Problem For(this Problem problem, Caller caller) =>
        caller.SeesAllIds || problem.BlockedBy is null ? problem : problem with { BlockedBy = problem.BlockedBy.For(caller) };

    public static Explanation For(this Explanation explanation, Caller caller) => caller.SeesAllIds ? explanation : explanation with
    {
        BlockedBy = explanation.BlockedBy.For(caller),
        Ahead = [.. explanation.Ahead.Select(other => caller.Sees(other.AgentId) ? other : other with { LockId = Caller.Hidden })],
    };

    public static ObservedLock For(this ObservedLock observed, Caller caller)
    {
        if (caller.SeesAllIds)
        {
            return observed;
        }

        var masked = observed with { BlockedBy = observed.BlockedBy?.For(caller) };
        return observed.AgentId is { } agent && caller.Sees(agent) ? masked : masked with { LockId = Caller.Hidden, Action = null, Decision = null, Labels = null };
    }

    public static LockPage For(this LockPage page, Caller caller) =>
        caller.SeesAllIds ? page : page with { Locks = [.. page.Locks.Select(observed => observed.For(caller))] };

    public static QueuePage For(this QueuePage page, Caller caller) => caller.SeesAllIds ? page : page with
    {
        HeldBy = page.HeldBy.For(caller), Waiting = [.. page.Waiting.Select(observed => observed.For(caller))],
    };

    public static ResourcePage For(this ResourcePage page, Caller caller) => caller.SeesAllIds ? page : page with
    {
        Resources = [.. page.Resources.Select(resource => resource with { HeldBy = resource.HeldBy.For(caller) })],
    };

    private static IReadOnlyList<Blocker> For(this IReadOnlyList<Blocker> blockers, Caller caller) =>
        [.. blockers.Select(blocker => caller.Sees(blocker.AgentId) ? blocker : blocker with { LockId = Caller.Hidden })];
}
