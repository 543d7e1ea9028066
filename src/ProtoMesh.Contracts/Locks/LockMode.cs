namespace ProtoMesh.Contracts.Locks;

/// <summary>The modes of a lease on the wire.</summary>
public static class LockMode
{
    /// <summary>One holder at a time.</summary>
    public const string Exclusive = "exclusive";

    /// <summary>Any number of shared holders, none beside an exclusive one.</summary>
    public const string Shared = "shared";

    /// <summary>As many units as the resource's capacity.</summary>
    public const string Slots = "slots";
}
