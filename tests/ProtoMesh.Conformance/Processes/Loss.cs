namespace ProtoMesh.Conformance.Processes;

/// <summary>What a service has lost when it starts again.</summary>
internal enum Loss
{
    /// <summary>It was only away.</summary>
    Nothing,

    /// <summary>The store, and not the journal.</summary>
    Store,

    /// <summary>The store and the journal.</summary>
    Everything,
}
