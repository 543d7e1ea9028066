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
        await using var guard = await mesh.GuardAsync(Action, Agent.Resource, Asking(amount));
        var lease = guard.Lease ?? throw new DemoException($"{name} was told: {guard.Text}");
        var token = await guard.RunAsync(_ => PayAsync(lease, amount));
        new Report(What.Released, "done") { Token = token }.Tell();
    }

    /// <summary>The guard decides before it waits for anything; what it denies never runs.</summary>
    private async Task<decimal> LearnLimitAsync()
    {
        await using var guard = await mesh.GuardAsync(Action, Agent.Resource, Asking(Wanted));
        if (guard.Denial?.Decision is not { } decision)
        {
            throw new DemoException($"{name} was allowed to pay back {Wanted}.");
        }
        Tell(decision);
        var most = decision.Reasons.SelectMany(reason => reason.ToChange ?? []).Single(change => change.StartsWith(CostAtMost, StringComparison.Ordinal));
        return decimal.Parse(most[CostAtMost.Length..], CultureInfo.InvariantCulture);
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

    private GuardOptions Asking(decimal amount) => new() { Priority = priority, Reason = Text, Metadata = Claims(amount) };

    private static JsonObject Claims(decimal amount) => new() { ["agent_role"] = "junior", ["estimated_cost"] = amount };

    private static void Tell(PolicyDecision decision)
    {
        var reason = decision.Reasons[0];
        new Report(What.Denied, $"{reason.Rule}: {reason.Message}") { Rule = reason.Rule }.Tell();
        new Report(What.Told, string.Join(" and ", reason.ToChange ?? [])).Tell();
    }

    private static string Dollars(decimal amount) => string.Create(CultureInfo.InvariantCulture, $"{Text} of ${amount}");
}
