using System.Globalization;
using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Demo;

/// <summary>An agent that wants to pay back more than it may. It knows no limit: it reads what would change the answer, and does that.</summary>
internal sealed class Refund(string name, int priority, MeshClient mesh, FencedFile file)
{
    public const decimal Wanted = 500m;

    private const string Action = "customer.update";
    private const string Text = "refund #43";
    private const string CostAtMost = "metadata.estimated_cost <= ";

    public async Task PlayAsync()
    {
        new Report(What.Asks, Dollars(Wanted)).Tell();
        var amount = await LearnLimitAsync();
        await TryWithoutLockAsync(amount);
        var token = await mesh.Policies.GuardAsync(Action, Agent.Resource, (lease, _) => PayAsync(lease, amount), Asking(amount));
        new Report(What.Released, "done") { Token = token }.Tell();
    }

    /// <summary>The guard decides before it waits for anything; what it denies never runs.</summary>
    private async Task<decimal> LearnLimitAsync()
    {
        try
        {
            await mesh.Policies.GuardAsync(Action, Agent.Resource, (lease, _) => PayAsync(lease, Wanted), Asking(Wanted));
        }
        catch (PolicyDeniedException denied) when (denied.Decision is { } decision)
        {
            Tell(decision);
            var most = denied.ToChange.Single(change => change.StartsWith(CostAtMost, StringComparison.Ordinal));
            return decimal.Parse(most[CostAtMost.Length..], CultureInfo.InvariantCulture);
        }
        throw new DemoException($"{name} was allowed to pay back {Wanted}.");
    }

    private async Task TryWithoutLockAsync(decimal amount)
    {
        new Report(What.Asks, $"{Dollars(amount)}, without the lock").Tell();
        var decision = await mesh.Policies.CheckAsync(Action, Agent.Resource, Claims(amount));
        if (decision.Allowed)
        {
            throw new DemoException($"{name} was allowed to write without the lock.");
        }
        Tell(decision);
    }

    private async Task<long> PayAsync(Lease lease, decimal amount)
    {
        var decision = lease.Decision ?? throw new DemoException("The lease carries no decision.");
        new Report(What.Allowed, $"{Dollars(amount)}, by {decision.Policy.Name} version {decision.Policy.Version}")
        {
            Token = lease.FencingToken,
            Decision = decision.DecisionId,
        }.Tell();
        if (!await file.WriteAsync(lease.FencingToken, record => record with
        {
            Notes = [.. record.Notes, new Note(name, lease.FencingToken, -amount, Text)],
            Balance = record.Balance - amount,
        }))
        {
            throw new DemoException($"{name} was refused although it holds the customer.");
        }
        new Report(What.Written, Text) { Token = lease.FencingToken }.Tell();
        return lease.FencingToken;
    }

    private LeaseOptions Asking(decimal amount) => new() { Priority = priority, Reason = Text, Metadata = Claims(amount) };

    private static JsonObject Claims(decimal amount) => new() { ["agent_role"] = "junior", ["estimated_cost"] = amount };

    private static void Tell(PolicyDecision decision)
    {
        var reason = decision.Reasons[0];
        new Report(What.Denied, $"{reason.Rule}: {reason.Message}") { Rule = reason.Rule }.Tell();
        new Report(What.Told, string.Join(" and ", reason.ToChange ?? [])).Tell();
    }

    private static string Dollars(decimal amount) => string.Create(CultureInfo.InvariantCulture, $"{Text} of ${amount}");
}
