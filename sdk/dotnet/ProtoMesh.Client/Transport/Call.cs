namespace ProtoMesh.Transport;

/// <summary>One request, sent as often as it takes.</summary>
internal readonly record struct Call(HttpMethod Method, string Path)
{
    /// <summary>The JSON body, encoded once for all attempts.</summary>
    public byte[]? Body { get; init; }

    /// <summary>For how long the service is asked to hold the request open; null does not ask.</summary>
    public TimeSpan? Hold { get; init; }

    /// <summary>The timestamp after which no attempt begins or goes on; null is <see cref="MeshClientOptions.RetryFor"/> from now.</summary>
    public long? Until { get; init; }
}
