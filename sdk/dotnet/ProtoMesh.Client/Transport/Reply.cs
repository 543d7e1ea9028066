namespace ProtoMesh.Transport;

/// <summary>A successful answer and the monotonic timestamp at which the attempt that got it was sent.</summary>
internal readonly record struct Reply<T>(T Value, long Sent);
