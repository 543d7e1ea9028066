namespace ProtoMesh.Server.Legacy;

/// <summary>Log messages of this room: 6000 to 6099.</summary>
internal static partial class LegacyLog
{
    [LoggerMessage(6001, LogLevel.Warning, "Grants cannot be announced to clients of the first version now: {Reason}")]
    public static partial void AnnouncingFailed(ILogger log, string reason);

    [LoggerMessage(6002, LogLevel.Error, "Announcing grants to clients of the first version broke off.")]
    public static partial void AnnouncingBroke(ILogger log, Exception failure);
}
