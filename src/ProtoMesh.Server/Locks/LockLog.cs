namespace ProtoMesh.Server.Locks;

/// <summary>Log messages of this room: 5000 to 5099.</summary>
internal static partial class LockLog
{
    [LoggerMessage(5001, LogLevel.Warning, "Leases cannot be swept now: {Reason}")]
    public static partial void SweepFailed(ILogger log, string reason);

    [LoggerMessage(5002, LogLevel.Error, "A sweep broke off.")]
    public static partial void SweepBroke(ILogger log, Exception failure);
}
