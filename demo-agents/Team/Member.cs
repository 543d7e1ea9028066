using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ProtoMesh.Contracts.Approvals;

namespace ProtoMesh.Demo.Team;

/// <summary>What a member of the team does.</summary>
internal enum Role
{
    /// <summary>Deploys, when a person lets it.</summary>
    Deployer,

    /// <summary>Is the person.</summary>
    Person,

    /// <summary>Calls models, which costs the team money.</summary>
    Spender,
}

/// <summary>A call of a model: what it is expected to cost at most, and what the provider takes for it in the end, in micro-dollars.</summary>
internal sealed record ModelCall(string What, long Estimate, long Actual);

/// <summary>What the conductor tells a member. Its key comes in the environment: others may read the arguments of a process.</summary>
internal sealed record MemberTask
{
    public required string Name { get; init; }

    public required Role Role { get; init; }

    public required Uri Url { get; init; }

    public required string Namespace { get; init; }

    /// <summary>The file that the deployer changes.</summary>
    public required string Production { get; init; }

    public IReadOnlyList<ModelCall> Calls { get; init; } = [];
}

/// <summary>A member in a process of its own, with a key of its own.</summary>
internal sealed class Member(MemberTask task, MeshClient mesh)
{
    public const string Service = "service/checkout";
    public const string Version = "2.4.1";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

    public static async Task<int> RunAsync(string assignment)
    {
        var task = JsonSerializer.Deserialize(assignment, TeamJson.Default.MemberTask)!;
        await using var mesh = new MeshClient(new MeshClientOptions { BaseUrls = [task.Url], AgentId = task.Name, Namespace = task.Namespace });
        var member = new Member(task, mesh);
        await (task.Role switch { Role.Deployer => member.DeployAsync(), Role.Person => member.DecideAsync(), _ => member.SpendAsync() });
        return 0;
    }

    private async Task DeployAsync()
    {
        Tell(What.Asks, $"to deploy {Service} {Version}");
        var metadata = new JsonObject { ["version"] = Version };
        await using var guard = await mesh.GuardAsync("prod.deploy", Service, new GuardOptions
        {
            Metadata = metadata,
            Reason = "the fix of the rounding error",
            OnApproval = OnApproval.Wait,
            ApprovalTimeout = Patience,
            OnWaiting = approval => Tell(What.Queued, $"{approval.Quorum} of the group {approval.Group} has to approve it; nothing is locked meanwhile"),
        });
        if (!guard.Granted)
        {
            throw new DemoException($"{task.Name} was not let: {guard.Text}");
        }
        Tell(What.Granted, "approved, and the service is locked for it", guard.Lease!.FencingToken);
        await File.WriteAllTextAsync(task.Production, Version);
        Tell(What.Written, $"{Version} is in production", guard.Lease.FencingToken);
        await guard.CompleteAsync();

        // One yes is for one deployment.
        var again = await mesh.Policies.CheckAsync(new PolicyCheck { Action = "prod.deploy", Resource = Service, Metadata = metadata, ApprovalId = guard.ApprovalId });
        Tell(again.Allowed ? What.Allowed : What.Denied, again.Reason);
    }

    private async Task DecideAsync()
    {
        Approval? pending = null;
        for (var started = TimeProvider.System.GetTimestamp(); pending is null && TimeProvider.System.GetElapsedTime(started) < Patience;)
        {
            await foreach (var approval in mesh.Approvals.ListAsync("pending"))
            {
                pending = approval;
            }
            await Task.Delay(LookAgain, TimeProvider.System);
        }
        if (pending is null)
        {
            throw new DemoException("Nobody asked for an approval.");
        }
        Tell(What.Told, $"{pending.AgentId} wants {pending.Action} on {pending.Resource} with {pending.Metadata}; {pending.Rules[0].At}: {pending.Rules[0].Message}");
        await mesh.Approvals.ApproveAsync(pending.ApprovalId, "read the diff, looks right");
        Tell(What.Allowed, "read the diff, looks right");
    }

    private async Task SpendAsync()
    {
        foreach (var call in task.Calls)
        {
            Tell(What.Asks, $"{call.What}, {Dollars(call.Estimate)} at most");
            await using var guard = await mesh.GuardAsync("llm.call", options: new GuardOptions
            {
                Metadata = new JsonObject { ["estimated_cost"] = call.Estimate / 1_000_000m },
            });
            if (!guard.Granted)
            {
                Tell(What.Denied, guard.Denial.Decision!.Reason);
                continue;
            }
            guard.Spent(call.Actual);
            await guard.CompleteAsync();
            Tell(What.Written, $"it cost {Dollars(call.Actual)}");
        }
    }

    public static string Dollars(long micro) => string.Create(CultureInfo.InvariantCulture, $"${micro / 1_000_000m:0.000000}");

    private static void Tell(What what, string why, long? token = null) => new Report(what, why) { Token = token }.Tell();
}

[JsonSourceGenerationOptions(UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(MemberTask))]
internal sealed partial class TeamJson : JsonSerializerContext;
