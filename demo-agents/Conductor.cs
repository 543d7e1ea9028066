using System.Globalization;
using System.Security.Cryptography;

namespace ProtoMesh.Demo;

/// <summary>
/// Sets the stage, gives the cues and checks the end. What happens between two cues is up to the service: the order of
/// the grants is the same in every run because priorities decide it, not because anyone is told to wait.
/// </summary>
internal sealed class Conductor(Uri? given)
{
    private const decimal Opening = 100m;

    /// <summary>A namespace of its own, so that a run on a service that others use meets nobody.</summary>
    private readonly string _run = $"demo-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";

    private readonly Timeline _timeline = new();
    private readonly List<AgentProcess> _agents = [];

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        await using var stage = new Stage(given, new CustomerRecord("123", Opening, Opening, []));
        try
        {
            var url = await stage.ReadyAsync(cancellationToken);
            Console.WriteLine($"Three agents share one customer record; the service is at {url}");
            _timeline.Start();
            var tokens = await PlayAsync(url, stage.File, cancellationToken);
            await new Verdict(url, _run, stage.File, tokens, Opening).CheckAsync(cancellationToken);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"VERIFIED in {_timeline.Elapsed.TotalSeconds:0.0} s: every update is there exactly once, in token order, and none that a policy denies."));
            return 0;
        }
        finally
        {
            foreach (var agent in _agents)
            {
                await agent.DisposeAsync();
            }
        }
    }

    private async Task<Tokens> PlayAsync(Uri url, FencedFile file, CancellationToken stop)
    {
        // One: the holder dies half-way while two others wait. The later one has the higher priority.
        var intake = Start("intake", 5, Part.Crash, url, file);
        var crashed = await intake.SaysAsync(What.Granted, stop);
        var audit = Start("audit", 8, Part.Stale, url, file);
        await audit.SaysAsync(What.Queued, stop);
        var refunds = Start("refunds", 9, Part.Update, url, file);
        await refunds.SaysAsync(What.Queued, stop);
        await intake.GoAsync();
        var code = await intake.ExitedAsync(stop);
        if (code == 0)
        {
            throw new DemoException("intake was to be killed and ended well.");
        }
        _timeline.Add("intake", 5, "killed", crashed.Token, string.Create(CultureInfo.InvariantCulture, $"exit code {code}, while it holds"));

        var refunded = await refunds.SaysAsync(What.Granted, stop);
        await refunds.SaysAsync(What.Repaired, stop);
        await ExpectSuccessAsync(refunds, stop);

        // Two: the next holder is stopped past its time to live, and somebody else goes on.
        var stale = await audit.SaysAsync(What.Granted, stop);
        audit.Stop();
        var again = Start("intake", 5, Part.Update, url, file);
        var redone = await again.SaysAsync(What.Granted, stop);
        await ExpectSuccessAsync(again, stop);
        await audit.GoAsync();
        audit.Continue();
        var refused = await audit.SaysAsync(What.Refused, stop);
        var audited = await audit.SaysAsync(What.Granted, stop);
        await ExpectSuccessAsync(audit, stop);

        // Three: an agent over its limit is told what would do, and does that; then it would write without the lock.
        var spender = Start("refunds", 9, Part.Spend, url, file);
        var overLimit = await spender.SaysAsync(What.Denied, stop);
        var withoutLock = await spender.SaysAsync(What.Denied, stop);
        var allowed = await spender.SaysAsync(What.Allowed, stop);
        await ExpectSuccessAsync(spender, stop);

        return new Tokens(
            crashed.Token!.Value, refunded.Token!.Value, stale.Token!.Value, redone.Token!.Value, audited.Token!.Value, allowed.Token!.Value)
        {
            Refused = refused.Token!.Value,
            DeniedBy = [overLimit.Rule, withoutLock.Rule],
            Decision = allowed.Decision,
        };
    }

    private AgentProcess Start(string name, int priority, Part part, Uri url, FencedFile file)
    {
        var start = AgentProcess.OfThisProgram(
            "agent", name, priority.ToString(CultureInfo.InvariantCulture), part.ToString(), url.ToString(), _run, file.Path);
        var agent = new AgentProcess(name, priority, start, _timeline);
        _agents.Add(agent);
        return agent;
    }

    private static async Task ExpectSuccessAsync(AgentProcess agent, CancellationToken stop)
    {
        if (await agent.ExitedAsync(stop) is not 0 and var code)
        {
            throw new DemoException($"{agent.Name} ended with exit code {code}.");
        }
    }
}

/// <summary>The fencing tokens of the play in the order in which they must have been granted.</summary>
internal sealed record Tokens(long Crashed, long Refunded, long Stale, long Redone, long Audited, long Allowed)
{
    public long Refused { get; init; }

    /// <summary>The rules that spoke against the last agent, in the order in which it met them.</summary>
    public required IReadOnlyList<string?> DeniedBy { get; init; }

    /// <summary>The decision that allowed what it did in the end.</summary>
    public string? Decision { get; init; }
}
