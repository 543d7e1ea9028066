namespace ProtoMesh.Server.Locks;

/// <summary>Log messages of this room: 2000 to 2099.</summary>
internal static partial class LockLog
{
    [LoggerMessage(2001, LogLevel.Warning, "Leases cannot be swept now: {Reason}")]
    public static partial void SweepFailed(ILogger log, string reason);

    [LoggerMessage(2002, LogLevel.Error, "A sweep broke off.")]
    public static partial void SweepBroke(ILogger log, Exception failure);
}
