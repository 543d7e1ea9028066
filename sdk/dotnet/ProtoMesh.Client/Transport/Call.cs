namespace ProtoMesh.Transport;

/// <summary>One request, sent as often as it takes.</summary>
internal readonly record struct Call(HttpMethod Method, string Path)
{
    /// <summary>The body, encoded once for all attempts.</summary>
    public byte[]? Body { get; init; }

    /// <summary>What <see cref="Body"/> is; JSON unless it says otherwise.</summary>
    public string MediaType { get; init; } = "application/json";

    /// <summary>For how long the service is asked to hold the request open; null does not ask.</summary>
    public TimeSpan? Hold { get; init; }

    /// <summary>The timestamp after which no attempt begins or goes on; null is <see cref="MeshClientOptions.RetryFor"/> from now.</summary>
    public long? Until { get; init; }

    /// <summary>What must be there still for the call to take effect; null does not ask.</summary>
    public string? IfMatch { get; init; }

    /// <summary>Its effect is not the same twice: sent again only when the first one certainly did not arrive.</summary>
    public bool Once { get; init; }

    /// <summary>True when a 503 has an answer of this call and is no problem.</summary>
    public bool Reads503 { get; init; }
}
