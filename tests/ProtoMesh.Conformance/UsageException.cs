namespace ProtoMesh.Conformance;

/// <summary>The command line or a scenario cannot be understood.</summary>
internal sealed class UsageException(string message) : Exception(message);
