using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Waits until files and names are on the disk, so that a power cut cannot take them back.</summary>
internal static partial class DiskSync
{
    private const int ReadOnlyAccess = 0;
    private const int InvalidArgument = 22;

    /// <summary>On Linux the system is asked directly: .NET was seen to return as if all were well when it refused.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void File(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
        }
        else if (Sync(file) != 0)
        {
            throw Failure(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>The names in a folder. Windows does that by itself, and has no call for it.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void Names(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var directory = new SafeFileHandle(Open(folder, ReadOnlyAccess), ownsHandle: true);
        if (directory.IsInvalid || Sync(directory) != 0)
        {
            // Some file systems cannot flush a folder and say so; they keep names in order by themselves.
            var error = Marshal.GetLastPInvokeError();
            if (error != InvalidArgument)
            {
                throw Failure(error);
            }
        }
    }

    private static IOException Failure(int error) => new($"The disk could not be flushed: {Marshal.GetPInvokeErrorMessage(error)}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle file);
}
