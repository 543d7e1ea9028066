using System.Runtime.InteropServices;

namespace ProtoMesh.Tests.Store.Embedded;

/// <summary>Lets an open file of this process be <c>/dev/full</c> for a while: the kernel itself then answers that nothing can be written or flushed.</summary>
internal sealed partial class FullDisk : IDisposable
{
    private readonly int _descriptor;
    private readonly int _saved;

    public FullDisk(string path)
    {
        _descriptor = Directory.EnumerateFileSystemInfos("/proc/self/fd")
            .Where(entry => entry.LinkTarget == path)
            .Select(entry => int.Parse(entry.Name))
            .Single();
        _saved = Duplicate(_descriptor);
        using var full = File.OpenHandle("/dev/full", access: FileAccess.ReadWrite, share: FileShare.ReadWrite);
        Assert.True(_saved >= 0 && DuplicateTo((int)full.DangerousGetHandle(), _descriptor) >= 0);
    }

    public void Dispose()
    {
        DuplicateTo(_saved, _descriptor);
        Close(_saved);
    }

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int DuplicateTo(int from, int to);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
