namespace ProtoMesh.Demo.CSharp;

/// <summary>The model did not answer. Its text never contains the key.</summary>
internal sealed class ModelException(string message) : Exception(message);
