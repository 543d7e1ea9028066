using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Rig;
using static ProtoMesh.Tests.Locks.Model.LeaseCommand;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>Runs the real scripts on one fresh partition of a store, under a clock that the test sets.</summary>
/// <remarks>
/// One line of the scripts is replaced: <c>redis.call('TIME')</c> becomes the time of <see cref="Clock"/>, which travels as
/// the last argument. So every backend is compared to the microsecond, and clocks can be stepped back on Redis as well.
/// With <paramref name="ownTime"/> the scripts run as they are.
/// </remarks>
internal sealed class LeaseRig(IStoreEngine engine, int partition, LeaseSettings settings, Func<string, string>? alter = null, bool ownTime = false)
{
    private const string TakeTime = "local function take_time() return {string.match(table.remove(ARGV), '^(%d+) (%d+)$')} end\n";
    private readonly PartitionKeys _keys = new(partition);
    private readonly Dictionary<string, (string Text, byte[] Sha)> _rendered = new(StringComparer.Ordinal);

    /// <summary>The time that TIME answers, in microseconds.</summary>
    public long Clock { get; set; } = 1_767_225_600_000_000;

    /// <summary>The limits of the namespace that a submission tells the scripts; null for scripts that are told of none.</summary>
    public string? Limits { get; set; }

    /// <summary>True when the scripts read the store's own clock instead.</summary>
    public bool OwnTime => ownTime;

    public LeaseSettings Settings => settings;

    public PartitionKeys Keys => _keys;

    public async Task OpenAsync() =>
        await RunAsync("Store/Lua/open.lua", ["7f", "1", "1", "resource", "0"]);

    /// <summary>Runs one command; tokens are already numbers.</summary>
    public async Task<Reply> RunAsync(LeaseCommand command, Func<TokenOf, long> token, Func<string, long> waitEnds)
    {
        (string Script, string[] Arguments) call = command switch
        {
            Acquire acquire => ("acquire", Submitted(acquire.Of)),
            Consider consider => ("consider", Submitted(consider.Of)),
            Wait wait => ("wait", [wait.Id]),
            Renew renew => ("renew", [.. renew.Of.SelectMany(one => new[] { one.Id, $"{token(one.Token)}", $"{one.Ttl}", one.Progress })]),
            Release release => ("release", [release.Id, $"{token(release.Token)}", release.Note]),
            Cancel cancel => ("cancel", [cancel.Id, cancel.Cause]),
            Transfer transfer => ("transfer",
                [transfer.Id, $"{token(transfer.Token)}", transfer.HeirId, $"heir of {transfer.Id}", transfer.Agent, transfer.Session]),
            Reprioritize change => ("reprioritize", [change.Id, $"{change.Priority}"]),
            ForceRelease force => ("force_release", [force.Name, force.Reason, force.Immediate ? "1" : ""]),
            Tick => ("tick", []),
            Touch touch => ("touch", [.. touch.Ids.SelectMany(id => new[] { id, $"{waitEnds(id)}" })]),
            Fence fence => ("fence", [fence.Name, $"{token(fence.Token)}"]),
            Read read => ("read", [read.Id, $"{read.Ahead}"]),
            _ => throw new InvalidOperationException($"There is no script for {command}."),
        };
        return await RunAsync($"Locks/Lua/{call.Script}.lua", [settings.Text, .. call.Arguments]);
    }

    public Task<Reply> RunAsync(string name, string[] arguments) => RunTextAsync(Rendered(name), arguments);

    /// <summary>Runs a text of the test's own on the partition's keys.</summary>
    public Task<Reply> RunOwnAsync(string text, params string[] arguments) => RunTextAsync((text, Script.Sha(text)), arguments, takesTime: false);

    private string[] Submitted(Submission of) =>
    [
        of.Id, of.Digest, string.Join('\u0002', of.Parts), of.Agent, of.Session, $"{of.Priority}", $"{of.Ttl}", $"{of.Wait}", $"{of.MaxHold}", $"{of.Drain}",
        (of.Detached ? "d" : "") + (of.Reentrant ? "r" : ""), "{}",
        .. Limits is null ? Array.Empty<string>() : [Limits],
    ];

    private (string Text, byte[] Sha) Rendered(string name)
    {
        if (!_rendered.TryGetValue(name, out var rendered))
        {
            var text = Script.Named(name).Text(1);
            text = ownTime ? text : TakeTime + text.Replace("redis.call('TIME')", "take_time()", StringComparison.Ordinal);
            text = alter?.Invoke(text) ?? text;
            _rendered[name] = rendered = (text, Script.Sha(text));
        }

        return rendered;
    }

    private async Task<Reply> RunTextAsync((string Text, byte[] Sha) script, string[] arguments, bool takesTime = true)
    {
        string[] line = ownTime || !takesTime ? [_keys.Channel, .. arguments] : [_keys.Channel, .. arguments, $"{Clock / 1_000_000} {Clock % 1_000_000}"];
        try
        {
            return await engine.RunAsync(script.Sha, _keys, line, CancellationToken.None);
        }
        catch (NoScriptException)
        {
            await engine.LoadAsync(partition, [script.Text], CancellationToken.None);
            return await engine.RunAsync(script.Sha, _keys, line, CancellationToken.None);
        }
    }
}
