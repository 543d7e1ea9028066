using System.Globalization;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>The folder of one embedded store, locked against other processes as long as this is open.</summary>
internal sealed class StoreFolder : IDisposable
{
    private readonly FileStream _lock;

    /// <exception cref="StoreException">Another process has it.</exception>
    public StoreFolder(string path)
    {
        Path = path;
        Directory.CreateDirectory(path);
        var file = In("lock");
        try
        {
            _lock = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure) when (failure.GetType() == typeof(IOException) && File.Exists(file))
        {
            throw StoreException.Unavailable(
                $"Another process is using the embedded store in {path}, which is for one process: stop that one, or set another Store:DataFolder here.", failure);
        }

        foreach (var leftover in Directory.EnumerateFiles(path, "*.tmp"))
        {
            File.Delete(leftover);
        }
    }

    public string Path { get; }

    public string FileOf(FileKind kind, long generation) =>
        In(string.Create(CultureInfo.InvariantCulture, $"{generation:D10}.{Extension(kind)}"));

    public string TemporaryOf(FileKind kind, long generation) => FileOf(kind, generation) + ".tmp";

    /// <summary>The generations of which there is a file, from the lowest.</summary>
    public IReadOnlyList<long> Generations(FileKind kind) =>
        [.. Directory.EnumerateFiles(Path, $"*.{Extension(kind)}")
            .Select(file => long.TryParse(System.IO.Path.GetFileNameWithoutExtension(file), NumberStyles.None, CultureInfo.InvariantCulture, out var generation) ? generation : 0)
            .Where(generation => generation > 0)
            .Order()];

    /// <summary>Gives a file that is complete and on the disk its name, so that it is there whole or not at all.</summary>
    public void Publish(FileKind kind, long generation)
    {
        File.Move(TemporaryOf(kind, generation), FileOf(kind, generation), overwrite: true);
        DiskSync.Names(Path);
    }

    public void Dispose() => _lock.Dispose();

    private static string Extension(FileKind kind) => kind == FileKind.Log ? "log" : "snapshot";

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
