namespace ProtoMesh.Tests.Rig;

/// <summary>The stores that one suite runs on: <c>[Theory, ClassData(typeof(StoreBackends))]</c>.</summary>
public sealed class StoreBackends : TheoryData<string>
{
    internal const string Embedded = "embedded";
    internal const string Redis = "redis";
    internal const string Cluster = "cluster";

    public StoreBackends() => AddRange(Embedded, Redis, Cluster);
}
