namespace ProtoMesh.Conformance.Processes;

/// <summary>A folder that is gone when it is disposed.</summary>
internal sealed class TempFolder : IDisposable
{
    public TempFolder(string name) => Path = Directory.CreateTempSubdirectory($"protomesh-{name}-").FullName;

    public string Path { get; }

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A process that was killed may still be writing; the system's own tidying gets what stays.
        }
    }
}
