using System.Globalization;
using System.Security.Cryptography;
using ProtoMesh.Demo.CSharp;

namespace ProtoMesh.Demo.Languages;

/// <summary>
/// Lets agents in three languages want the same record at once. A clerk has it open until all three are in the queue; from
/// then on only the service decides who goes when.
/// </summary>
internal sealed class LanguagesConductor(Uri? given)
{
    public const decimal Opening = 1000m;

    private const string Customer = "123";
    private const string Resource = $"customer/{Customer}";
    private const string Clerk = "clerk";

    /// <summary>A namespace of its own, so that a run on a service that others use meets nobody.</summary>
    private readonly string _run = $"demo-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";

    private readonly Timeline _timeline = new();
    private readonly List<AgentProcess> _agents = [];

    private readonly IReadOnlyList<Contender> _contenders =
    [
        new("csharp", 5, "claim #43", 150m),
        new("python", 8, "claim #44", 240m),
        new("typescript", 9, "claim #45", 500m),
    ];

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var runtimes = new Runtimes();
        var real = Provider.FromEnvironment();
        await using var stage = new Stage(given, new CustomerRecord(Customer, Opening, Opening, []));
        var url = await stage.ReadyAsync(cancellationToken);
        await using var records = new RecordService(stage.File, _timeline);
        await using var mesh = new MeshClient(new() { BaseUrls = [url], AgentId = Clerk, Namespace = _run });
        Console.WriteLine($"Agents in C#, Python and TypeScript want one customer record; the service is at {url}");
        Console.WriteLine(real is null ? "Scripts play their models." : $"Their model is {real.Model} of {real.Name}.");
        _timeline.Start();
        try
        {
            await PlayAsync(mesh, runtimes, await records.StartAsync(cancellationToken), url, cancellationToken);
            await new LanguagesVerdict(mesh, Resource, stage.File, records.Refused, _contenders, scripted: real is null).CheckAsync(cancellationToken);
        }
        finally
        {
            foreach (var agent in _agents)
            {
                await agent.DisposeAsync();
            }
        }
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"VERIFIED in {_timeline.Elapsed.TotalSeconds:0.0} s: three languages, one record; each update is there exactly once, in the order of the priorities, and none over the limit."));
        return 0;
    }

    private async Task PlayAsync(MeshClient mesh, Runtimes runtimes, Uri records, Uri url, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var journal = new Journal(mesh, Resource, _contenders, _timeline);
        var following = journal.FollowAsync(end.Token);
        try
        {
            Task<int>[] ends;
            await using (await mesh.Locks.AcquireAsync(Resource, new() { Reason = "the record is open on a screen" }, cancellationToken))
            {
                ends = [.. _contenders.Select(contender => PlayAsync(contender, runtimes, records, url, cancellationToken))];
                var first = await Task.WhenAny([journal.AllWait, following, .. ends]);
                if (first != journal.AllWait)
                {
                    await first;
                    throw new DemoException("An agent ended before all three were in the queue.");
                }
            }
            if ((await Task.WhenAll(ends)).Any(code => code != 0))
            {
                throw new DemoException("An agent did not end well.");
            }
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAny(following);
        }
    }
    private async Task<int> PlayAsync(Contender contender, Runtimes runtimes, Uri records, Uri url, CancellationToken cancellationToken)
    {
        var agent = new AgentProcess(contender.Name, contender.Priority, runtimes.Start(new Assignment
        {
            Agent = contender.Name,
            Priority = contender.Priority,
            Role = "junior",
            Customer = Customer,
            Claim = contender.Claim,
            Wanted = contender.Wanted,
            Task = string.Create(
                CultureInfo.InvariantCulture,
                $"You are {contender.Name}. This is {contender.Claim}: customer {Customer} asks for ${contender.Wanted} back. Pay back as much of that as you may."),
            Url = url,
            Namespace = _run,
            Records = records,
        }), _timeline);
        _agents.Add(agent);
        await foreach (var report in agent.ReportsAsync(cancellationToken))
        {
            contender.Heard(report);
        }
        return await agent.ExitedAsync(cancellationToken);
    }
}
