namespace ProtoMesh.Conformance.Scenarios;

/// <summary>A scenario does not hold.</summary>
internal sealed class ScenarioFailure(string message) : Exception(message);
