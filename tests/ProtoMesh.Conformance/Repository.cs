namespace ProtoMesh.Conformance;

/// <summary>Where things are in the checkout that this program was built in.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Scenarios => Path.Combine(Root, "tests", "conformance");

    /// <summary>The built service; <c>PROTOMESH_SERVER_DLL</c> names another one.</summary>
    public static string Server => Environment.GetEnvironmentVariable("PROTOMESH_SERVER_DLL") is { Length: > 0 } named
        ? named
        : Path.Combine(Root, "src", "ProtoMesh.Server", "bin", Configuration, "net10.0", "ProtoMesh.Server.dll");

    /// <summary>Debug or Release, as this program itself.</summary>
    private static string Configuration => Directory.GetParent(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))?.Name ?? "Debug";

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "ProtoMesh.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("This program runs from a checkout of the repository only: no ProtoMesh.sln above it.");
    }
}
