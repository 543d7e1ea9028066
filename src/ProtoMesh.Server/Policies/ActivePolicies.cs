namespace ProtoMesh.Server.Policies;

/// <summary>What decides in a namespace now. <paramref name="Revision"/> grows with each activation there; 0 is the starter.</summary>
internal sealed record ActivePolicy(string Namespace, PolicySet Set, int Version, long Revision);

internal sealed class ActivePolicies
{
    private readonly PolicySet _starter;

    public ActivePolicies()
    {
        using var stream = typeof(ActivePolicies).Assembly.GetManifestResourceStream("Policies/starter.yaml")!;
        var load = PolicySet.Load(new StreamReader(stream).ReadToEnd());
        _starter = load.Set ?? throw new InvalidOperationException(string.Join("; ", load.Errors.Select(error => error.ToString()).Concat(load.Tests?.Failed.Select(f => f.ToString()) ?? [])));
    }

    public ActivePolicy Of(string space) => new(space, _starter, 1, 0);
}

internal sealed class DecisionLog
{
    public void Record(DecisionBuilder builder, ProtoMesh.Contracts.Policies.PolicyDecision decision, TimeSpan elapsed)
    {
        _ = (builder, decision, elapsed, this);
    }
}
