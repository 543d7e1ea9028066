using ProtoMesh.Contracts.Locks;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>Checks fencing tokens for a resource that cannot compare them itself.</summary>
public sealed class FencesClient
{
    private readonly MeshApi _api;
    private readonly MeshClientOptions _options;

    internal FencesClient(MeshApi api, MeshClientOptions options) => (_api, _options) = (api, options);

    /// <summary>
    /// Is the token a live lease's of the resource at this moment? A resource that can keep a number beside its data
    /// should compare tokens itself, in the same step as the write: between this answer and a write a lease can end.
    /// </summary>
    public Task<FenceVerdict> ValidateAsync(
        string resource, long fencingToken, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.ValidateFenceAsync(
            new ValidateFence { Namespace = @namespace ?? _options.Namespace, Resource = resource, FencingToken = fencingToken },
            cancellationToken);
}
