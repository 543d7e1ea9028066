using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Server.Locks;

/// <summary>What became of a request that somebody submitted or asked for.</summary>
internal abstract record LockOutcome
{
    private LockOutcome()
    {
    }

    internal sealed record Granted(GrantedLock Lock) : LockOutcome;

    internal sealed record Queued(QueuedLock Lock) : LockOutcome;

    internal sealed record Refused(Problem Problem) : LockOutcome;
}

/// <summary>An answer, or why there is none.</summary>
internal readonly record struct Answer<T>(T? Value, Problem? Problem)
    where T : class
{
    public static implicit operator Answer<T>(T value) => new(value, null);

    public static implicit operator Answer<T>(Problem problem) => new(null, problem);
}
