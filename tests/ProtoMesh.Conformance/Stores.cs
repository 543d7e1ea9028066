namespace ProtoMesh.Conformance;

/// <summary>What the service keeps its leases in.</summary>
internal static class Stores
{
    public const string Embedded = "embedded";
    public const string Redis = "redis";

    public static IReadOnlyList<string> All { get; } = [Embedded, Redis];
}
