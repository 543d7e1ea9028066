namespace ProtoMesh.Server.Policies;

/// <summary>What decides in a namespace now. <paramref name="Revision"/> grows with each activation there; 0 is the starter.</summary>
internal sealed record ActivePolicy(string Namespace, PolicySet Set, int Version, long Revision);
