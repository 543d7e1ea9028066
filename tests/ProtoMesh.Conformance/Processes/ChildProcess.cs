using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ProtoMesh.Conformance.Processes;

/// <summary>A process that this one started and that dies with it, however that ends.</summary>
internal sealed partial class ChildProcess : IDisposable
{
    private const int Kept = 200;
    private const int Sigkill = 9;
    private const int Sigcont = 18;
    private const int Sigstop = 19;
    private static readonly BlockingCollection<Action> Starts = StartOnOneThread();

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();

    private ChildProcess(Process process, Action<string>? onOutput)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data, onOutput);
        process.ErrorDataReceived += (_, line) => Keep(line.Data, null);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public bool HasExited => _process.HasExited;

    /// <summary>The last lines that it wrote.</summary>
    public string Output => string.Join('\n', _output);

    /// <param name="program">Its name or path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Its working directory.</param>
    /// <param name="environment">Variables besides those of this process; null removes one.</param>
    /// <param name="onOutput">Gets each line of its standard output.</param>
    public static Task<ChildProcess> StartAsync(
        string program, IEnumerable<string> arguments, string folder, IReadOnlyDictionary<string, string?>? environment = null, Action<string>? onOutput = null)
    {
        // The kernel ends it with its parent, also where that is killed and cannot tidy up.
        string[] line = OperatingSystem.IsLinux() ? ["setpriv", "--pdeathsig", "KILL", "--", program, .. arguments] : [program, .. arguments];
        var info = new ProcessStartInfo(line[0], line[1..])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            info.Environment[name] = value;
        }

        var started = new TaskCompletionSource<ChildProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        Starts.Add(() =>
        {
            try
            {
                started.SetResult(new ChildProcess(Process.Start(info)!, onOutput));
            }
            catch (Exception failure)
            {
                started.SetException(new InvalidOperationException($"{program} cannot be started: {failure.Message}", failure));
            }
        });
        return started.Task;
    }

    /// <summary>Waits until it has ended and all that it wrote was read.</summary>
    public async Task<int> ExitAsync(CancellationToken cancellationToken = default)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>SIGKILL, and waits for the end.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            Signal(_process.Id, Sigkill);
        }

        _process.WaitForExit();
    }

    /// <summary>SIGSTOP: it keeps its connections and says nothing.</summary>
    public void Stop() => Signal(_process.Id, Sigstop);

    /// <summary>SIGCONT.</summary>
    public void Continue() => Signal(_process.Id, Sigcont);

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    /// <summary>The signal of the parent's death comes when the starting thread ends, so that thread lives as long as the program.</summary>
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

    private void Keep(string? line, Action<string>? onOutput)
    {
        if (line is null)
        {
            return;
        }

        onOutput?.Invoke(line);
        _output.Enqueue(line);
        while (_output.Count > Kept)
        {
            _output.TryDequeue(out _);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int pid, int signal);
}
