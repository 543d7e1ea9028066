namespace ProtoMesh.Conformance.Suite;

/// <summary>What became of a scenario with one SDK on one store.</summary>
internal sealed record Verdict(string Scenario, Sdk Sdk, string Store, bool Passed, long Ms, string? Error)
{
    public string Topic => Scenario.Split('/')[0];
}
