using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ProtoMesh.Tests.Rig;

/// <summary>A server that a test started. It dies with the test host, however that ends.</summary>
internal sealed partial class ChildProcess : IDisposable
{
    private const int Sigkill = 9, Sigterm = 15, Sigcont = 18, Sigstop = 19;
    private static readonly BlockingCollection<Action> Starts = StartOnOneThread();
    private static readonly ConcurrentDictionary<ChildProcess, bool> Running = new();
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new(), _errors = new();

    private ChildProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) =>
        {
            Keep(line.Data);
            if (line.Data is not null)
            {
                _errors.Enqueue(line.Data);
            }
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Running[this] = true;
    }

    public bool HasExited => _process.HasExited;

    /// <summary>The last lines it wrote, for the message of a failure.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>What it wrote to standard error.</summary>
    public IReadOnlyCollection<string> Errors => _errors;

    /// <param name="user">Runs as this user if the host is root.</param>
    /// <param name="environment">Variables besides those of the host; null removes one.</param>
    public static async Task<ChildProcess> StartAsync(
        string program, IEnumerable<string> arguments, string folder, string? user = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var info = Describe(program, arguments, folder, user);
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            info.Environment[name] = value;
        }

        var started = new TaskCompletionSource<ChildProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        Starts.Add(() =>
        {
            try
            {
                started.SetResult(new ChildProcess(Process.Start(info)!));
            }
            catch (Exception failure)
            {
                started.SetException(new InvalidOperationException($"{program} cannot be started: {failure.Message}. ./test installs what is missing.", failure));
            }
        });
        return await started.Task;
    }

    /// <summary>Runs a program to its end and returns what it wrote; throws if it failed.</summary>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string folder, string? user = null)
    {
        using var child = await StartAsync(program, arguments, folder, user);
        await child._process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return child._process.ExitCode == 0 ? child.Output
            : throw new InvalidOperationException($"{program} ended with {child._process.ExitCode}: {child.Output}");
    }

    /// <summary>SIGKILL: no goodbye.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>SIGTERM, and waits for the end.</summary>
    public async Task StopAsync()
    {
        if (!_process.HasExited)
        {
            Terminate();
            await ExitAsync(TimeSpan.FromSeconds(30));
        }
    }

    /// <summary>SIGTERM.</summary>
    public void Terminate() => Signal(_process.Id, Sigterm);

    /// <summary>Waits until it has ended and all that it wrote is read.</summary>
    public async Task<int> ExitAsync(TimeSpan within)
    {
        await _process.WaitForExitAsync().WaitAsync(within);
        return _process.ExitCode;
    }

    /// <summary>SIGSTOP: it keeps its connections and says nothing.</summary>
    public void Freeze() => Signal(_process.Id, Sigstop);

    public void Thaw() => Signal(_process.Id, Sigcont);

    /// <summary>SIGSTOP to it and to the processes that it has started.</summary>
    public void FreezeFamily() => SignalFamily(Sigstop);

    public void ThawFamily() => SignalFamily(Sigcont);

    /// <summary>SIGKILL to the processes that it has started, and to it: those of <c>dotnet run</c> would outlive it.</summary>
    public void KillFamily() => SignalFamily(Sigkill);

    public void Dispose()
    {
        if (Running.TryRemove(this, out _))
        {
            try
            {
                Kill();
            }
            catch (InvalidOperationException)
            {
                // It has ended by itself.
            }

            _process.Dispose();
        }
    }

    /// <summary>For the end of the host; where the parent-death signal works it only comes first.</summary>
    public static void KillAll()
    {
        foreach (var child in Running.Keys)
        {
            child.Dispose();
        }
    }

    private static ProcessStartInfo Describe(string program, IEnumerable<string> arguments, string folder, string? user)
    {
        List<string> line = [program, .. arguments];
        if (OperatingSystem.IsLinux())
        {
            string[] identity = user is not null && Environment.IsPrivilegedProcess ? ["--reuid", user, "--regid", user, "--init-groups"] : [];
            line = ["setpriv", .. identity, "--pdeathsig", "KILL", "--", .. line];
        }

        return new ProcessStartInfo(line[0], line[1..])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
    }

    /// <summary>The parent-death signal fires when the starting thread ends, so that thread must live as long as the host.</summary>
    private static BlockingCollection<Action> StartOnOneThread()
    {
        var starts = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var start in starts.GetConsumingEnumerable())
            {
                start();
            }
        })
        { IsBackground = true, Name = "child processes" }.Start();
        return starts;
    }

    private void SignalFamily(int signal)
    {
        // A child belongs to the thread that started it.
        var children = Directory.GetDirectories($"/proc/{_process.Id}/task").SelectMany(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        foreach (var child in children.ToList())
        {
            Signal(int.Parse(child), signal);
        }

        Signal(_process.Id, signal);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int pid, int signal);

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _output.Enqueue(line);
            while (_output.Count > 1_000)
            {
                _output.TryDequeue(out _);
            }
        }
    }
}
