namespace ProtoMesh.Server.Policies;

/// <summary>A policy document, read, checked and compiled. It never changes.</summary>
internal sealed class PolicySet
{
    public required string Name { get; init; }

    /// <summary>SHA-256 of the document's UTF-8, lower-case hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>The document as it was written.</summary>
    public required string Source { get; init; }

    /// <summary>Reads a document; never throws.</summary>
    public static PolicyLoad Load(string source) => throw new NotSupportedException(source);
}
