namespace ProtoMesh.Server.Store.Embedded;

/// <summary>What a key of the keyspace holds.</summary>
internal abstract class Value
{
    public byte[] Key { get; init; } = [];

    /// <summary>The word that TYPE answers.</summary>
    public abstract string TypeName { get; }

    /// <summary>Redis forgets a hash or a sorted set that has become empty, but never a stream.</summary>
    public abstract bool IsGone { get; }
}
