namespace ProtoMesh.Contracts.Locks;

/// <summary>The states of a request on the wire: the first two are live, the others are how it ended.</summary>
public static class LockState
{
    /// <summary>Waits in the queue.</summary>
    public const string Queued = "queued";

    /// <summary>Holds the resource.</summary>
    public const string Granted = "granted";

    /// <summary>Its owner let it go.</summary>
    public const string Released = "released";

    /// <summary>Its deadline passed without a renewal.</summary>
    public const string Expired = "expired";

    /// <summary>Its owner stopped calling while it waited, or never claimed its grant.</summary>
    public const string Abandoned = "abandoned";

    /// <summary>An operator ended it.</summary>
    public const string ForceReleased = "force_released";

    /// <summary>Its holder gave it to another agent.</summary>
    public const string Transferred = "transferred";

    /// <summary>Its owner left the queue.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>It waited as long as it said it would.</summary>
    public const string TimedOut = "timed_out";
}
