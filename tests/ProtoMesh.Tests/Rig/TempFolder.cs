using System.Diagnostics;

namespace ProtoMesh.Tests.Rig;

/// <summary>A folder of its own for a test, gone when it is disposed or the host ends.</summary>
internal sealed class TempFolder : IDisposable
{
    private static readonly string Root = CreateRoot();

    public TempFolder(string name) => Path = Directory.CreateDirectory(System.IO.Path.Combine(Root, $"{name}-{Guid.NewGuid():N}")).FullName;

    public string Path { get; }

    public void Dispose() => Delete(Path);

    /// <summary>One folder a run, named by the host's process id; those of hosts that were killed are swept here.</summary>
    private static string CreateRoot()
    {
        var shared = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"protomesh-tests-{Environment.UserName}");
        foreach (var folder in Directory.CreateDirectory(shared).GetDirectories())
        {
            if (!int.TryParse(folder.Name, out var host) || !Lives(host))
            {
                Delete(folder.FullName);
            }
        }

        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            ChildProcess.KillAll();
            Delete(System.IO.Path.Combine(shared, $"{Environment.ProcessId}"));
        };
        return Directory.CreateDirectory(System.IO.Path.Combine(shared, $"{Environment.ProcessId}")).FullName;
    }

    private static bool Lives(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>The children of a killed server may write for a moment longer.</summary>
    private static void Delete(string folder)
    {
        for (var attempt = 0; attempt < 20; attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
                return;
            }
            catch (DirectoryNotFoundException)
            {
                return;
            }
            catch (IOException)
            {
                Thread.Sleep(50);
            }
        }
    }
}
