namespace ProtoMesh.Demo;

/// <summary>The play did not go as it must.</summary>
internal sealed class DemoException(string message) : Exception(message);
