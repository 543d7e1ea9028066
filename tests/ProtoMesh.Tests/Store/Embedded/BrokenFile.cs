using System.Globalization;
using System.Runtime.InteropServices;

namespace ProtoMesh.Tests.Store.Embedded;

/// <summary>Puts something else behind an open file of this process for a while, so that the kernel itself answers with an error.</summary>
internal sealed partial class BrokenFile : IDisposable
{
    private const int OpenReadWrite = 2;
    private const int OpenPathOnly = 0x200000;
    private readonly int _descriptor;
    private readonly int _saved;

    private BrokenFile(string path, string replacement, int flags)
    {
        _descriptor = new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos()
            .Where(entry => entry.LinkTarget == path)
            .Select(entry => int.Parse(entry.Name, CultureInfo.InvariantCulture))
            .Single();
        _saved = Duplicate(_descriptor);
        var other = Open(replacement, flags);
        Assert.True(other >= 0 && _saved >= 0 && DuplicateTo(other, _descriptor) >= 0);
        Assert.Equal(0, Close(other));
    }

    /// <summary>Nothing can be written: there is no space.</summary>
    public static BrokenFile Full(string path) => new(path, "/dev/full", OpenReadWrite);

    /// <summary>Nothing can be flushed: the descriptor only names a file.</summary>
    public static BrokenFile Unflushable(string path) => new(path, path, OpenPathOnly);

    public void Dispose()
    {
        Assert.True(DuplicateTo(_saved, _descriptor) >= 0);
        Assert.Equal(0, Close(_saved));
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int DuplicateTo(int from, int to);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
