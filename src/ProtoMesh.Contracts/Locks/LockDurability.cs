namespace ProtoMesh.Contracts.Locks;

/// <summary>Where a grant is stored before it is answered.</summary>
public static class LockDurability
{
    /// <summary>In the store, with the store's own persistence.</summary>
    public const string Fast = "fast";

    /// <summary>Also committed in the SQL journal.</summary>
    public const string Journaled = "journaled";
}
