using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;

namespace ProtoMesh.Demo;

/// <summary>An agent as the conductor sees it: a process, its reports and the signals it gets.</summary>
internal sealed class AgentProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Timeline _timeline;
    private readonly Channel<Report> _reports = Channel.CreateUnbounded<Report>();
    private readonly Task _reading;

    public AgentProcess(string name, int priority, ProcessStartInfo start, Timeline timeline)
    {
        (Name, Priority, _timeline) = (name, priority, timeline);
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        _process = Process.Start(start)!;
        _reading = ReadAsync();
    }

    public string Name { get; }

    public int Priority { get; }

    /// <summary>An agent that is this very program, started once more with other arguments.</summary>
    public static ProcessStartInfo OfThisProgram(params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!);
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(AgentProcess).Assembly.Location);
        }
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        return start;
    }

    /// <summary>Reads on until the agent has said this.</summary>
    public async Task<Report> SaysAsync(What what, CancellationToken cancellationToken)
    {
        await foreach (var report in _reports.Reader.ReadAllAsync(cancellationToken))
        {
            if (report.What == what)
            {
                return report;
            }
        }
        throw new DemoException($"{Name} ended before it was {what}.");
    }

    /// <summary>What the agent says from now on until it ends.</summary>
    public IAsyncEnumerable<Report> ReportsAsync(CancellationToken cancellationToken) => _reports.Reader.ReadAllAsync(cancellationToken);

    public async Task GoAsync()
    {
        await _process.StandardInput.WriteLineAsync("go");
        await _process.StandardInput.FlushAsync();
    }

    public void Stop()
    {
        Signals.Stop(_process.Id);
        _timeline.Add(Name, Priority, "stopped", null, "SIGSTOP, as a long garbage collection or a closed laptop would");
    }

    public void Continue()
    {
        Signals.Continue(_process.Id);
        _timeline.Add(Name, Priority, "continued", null, "SIGCONT; it does not know how long it was out");
    }

    public async Task<int> ExitedAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        await _reading;
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var report = JsonSerializer.Deserialize(line, ReportJson.Default.Report)!;
            _timeline.Add(Name, Priority, Words(report.What), report.Token, report.Why);
            _reports.Writer.TryWrite(report);
        }
        _reports.Writer.Complete();
    }

    private static string Words(What what) => what switch
    {
        What.HalfWritten => "half written",
        _ => what.ToString().ToLowerInvariant(),
    };
}
