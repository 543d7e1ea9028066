namespace ProtoMesh.Server.Cel;

/// <summary>A name that an expression may use; its value is in the slot of its place in the environment.</summary>
internal sealed record CelVariable(string Name, CelType Type);
