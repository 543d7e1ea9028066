using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace ProtoMesh.Demo.Team;

/// <summary>
/// A team with keys: one agent wants to deploy and waits for a person, others spend the team's money until there is too
/// little left of it for what one of them wants.
/// </summary>
internal sealed class TeamConductor(Uri? given)
{
    private const string TeamName = "payments";

    private readonly string _run = $"demo-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
    private readonly Timeline _timeline = new();
    private readonly List<AgentProcess> _members = [];

    private static readonly ModelCall[] Drafts = [new("a first draft", 900_000, 731_204), new("a second draft", 900_000, 902_113)];
    private static readonly ModelCall[] Searches = [new("a long search", 1_200_000, 1_064_990)];
    private static readonly ModelCall[] Batch = [new("a report on everything", 3_000_000, 0), new("a shorter report", 2_250_000, 2_199_999)];

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("protomesh-demo-");
        try
        {
            // A service that runs already has an admin's key, which the environment has to give.
            var key = given is null ? await ServerProcess.NewKeyAsync(cancellationToken)
                : Environment.GetEnvironmentVariable("PROTOMESH_API_KEY") ?? throw new DemoException("With --url this needs the key of an admin in PROTOMESH_API_KEY.");
            await using var stage = new Stage(given, new CustomerRecord("123", 0, 0, []), given is null ? key : null);
            var url = await stage.ReadyAsync(cancellationToken);
            await using var admin = new MeshClient(new MeshClientOptions { BaseUrls = [url], ApiKey = key, AgentId = "conductor", Namespace = _run });
            await PlayAsync(admin, url, Path.Combine(folder.FullName, "production"), cancellationToken);
            return 0;
        }
        finally
        {
            foreach (var member in _members)
            {
                await member.DisposeAsync();
            }
            folder.Delete(recursive: true);
        }
    }

    private async Task PlayAsync(MeshClient admin, Uri url, string production, CancellationToken stop)
    {
        Console.WriteLine($"A team of agents and one person, each with a key of its own; the service is at {url}");
        var maria = await KeyAsync(admin, "maria", "approver", stop);
        var version = await admin.Policies.PutAsync("team", await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Team", "policy.yaml"), stop), cancellationToken: stop);
        await admin.Policies.ActivateAsync("team", version.Version, ifMatch: null, cancellationToken: stop);
        _timeline.Start();

        // One: a deployment waits for a person.
        var deployer = await StartAsync(admin, "deployer", Role.Deployer, [], url, production, stop);
        var waits = await deployer.SaysAsync(What.Queued, stop);
        if (File.Exists(production) || (await admin.Locks.QueueAsync(Member.Service, cancellationToken: stop)).HeldBy.Count > 0)
        {
            throw new DemoException($"{waits.Why}, but it went on, or locked the service.");
        }
        var person = Start("maria", Role.Person, [], maria, url, production);
        await ExpectSuccessAsync(person, stop);
        var used = await deployer.SaysAsync(What.Denied, stop);
        await ExpectSuccessAsync(deployer, stop);

        // Two: three agents spend what is one budget.
        await ExpectSuccessAsync(await StartAsync(admin, "writer", Role.Spender, Drafts, url, production, stop), stop);
        await ExpectSuccessAsync(await StartAsync(admin, "searcher", Role.Spender, Searches, url, production, stop), stop);
        var reporter = await StartAsync(admin, "reporter", Role.Spender, Batch, url, production, stop);
        var tooMuch = await reporter.SaysAsync(What.Denied, stop);
        await ExpectSuccessAsync(reporter, stop);

        await new TeamVerdict(admin, TeamName, [.. Drafts, .. Searches, Batch[1]]).CheckAsync(used.Why, tooMuch.Why, await File.ReadAllTextAsync(production, stop), stop);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"VERIFIED in {_timeline.Elapsed.TotalSeconds:0.0} s: one deployment for one yes, and a ledger that adds up to the micro-dollar."));
    }

    private async Task<AgentProcess> StartAsync(MeshClient admin, string name, Role role, IReadOnlyList<ModelCall> calls, Uri url, string production, CancellationToken stop) =>
        Start(name, role, calls, await KeyAsync(admin, name, "agent", stop), url, production);

    private AgentProcess Start(string name, Role role, IReadOnlyList<ModelCall> calls, string key, Uri url, string production)
    {
        var task = new MemberTask { Name = name, Role = role, Url = url, Namespace = _run, Production = production, Calls = calls };
        var start = AgentProcess.OfThisProgram("member", JsonSerializer.Serialize(task, TeamJson.Default.MemberTask));
        start.Environment["PROTOMESH_API_KEY"] = key;
        var member = new AgentProcess(name, 5, start, _timeline);
        _members.Add(member);
        return member;
    }

    private async Task<string> KeyAsync(MeshClient admin, string name, string role, CancellationToken stop) => (await admin.Keys.CreateAsync(role, new KeyOptions
    {
        Name = name,
        Namespace = _run,
        AgentId = role == "agent" ? name : null,
        Team = role == "agent" ? TeamName : null,
        Groups = role == "approver" ? ["ops"] : null,
        ExpiresAt = TimeProvider.System.GetUtcNow().AddMinutes(10),
    }, stop)).Key;

    private static async Task ExpectSuccessAsync(AgentProcess member, CancellationToken stop)
    {
        if (await member.ExitedAsync(stop) is not 0 and var code)
        {
            throw new DemoException(string.Create(CultureInfo.InvariantCulture, $"{member.Name} ended with exit code {code}."));
        }
    }
}
