using ProtoMesh.Contracts.Access;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>Makes, changes and ends the keys that callers are let in with. For admins.</summary>
public sealed class KeysClient
{
    private readonly MeshApi _api;
    private readonly MeshClientOptions _options;

    internal KeysClient(MeshApi api, MeshClientOptions options) => (_api, _options) = (api, options);

    /// <summary>
    /// Makes a key. <see cref="IssuedKey.Key"/> is shown this once and kept nowhere. Sent once, unless the service was
    /// certainly not reached: a key whose answer was lost is of no use to anyone, and can be revoked.
    /// </summary>
    /// <param name="role"><c>agent</c>, <c>viewer</c>, <c>approver</c>, <c>operator</c>, <c>auditor</c> or <c>admin</c>.</param>
    /// <param name="options">Whom it speaks for, where, and until when.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ValidationException">The request breaks a rule, or the service has no keys at all. (<c>keys_off</c>)</exception>
    /// <exception cref="UnauthorizedException">The client's own key is not an admin's.</exception>
    public Task<IssuedKey> CreateAsync(string role, KeyOptions? options = null, CancellationToken cancellationToken = default)
    {
        Durations.Check(options?.MaxTtl, nameof(KeyOptions.MaxTtl));
        return _api.CreateKeyAsync(
            new CreateKey
            {
                Role = role,
                Name = options?.Name,
                Comment = options?.Comment,
                Namespace = options?.Namespace ?? _options.Namespace,
                AgentId = options?.AgentId,
                AgentPrefix = options?.AgentPrefix,
                Team = options?.Team,
                Labels = options?.Labels,
                Groups = options?.Groups,
                MaxPriority = options?.MaxPriority,
                MaxTtlMs = (long?)options?.MaxTtl?.TotalMilliseconds,
                ExpiresAt = options?.ExpiresAt,
            },
            cancellationToken);
    }

    /// <summary>The keys without their secrets, page by page as they are read.</summary>
    /// <param name="namespace">Whose; the client's namespace, or all that the client's key sees when it has none.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public IAsyncEnumerable<ApiKey> ListAsync(string? @namespace = null, CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var page = await _api.ListKeysAsync(new Query().Add("namespace", @namespace ?? _options.Namespace).Add("page_token", token), stop);
            return (page.Keys, page.NextPageToken);
        },
        cancellationToken);

    /// <summary>A key without its secret, by <see cref="ApiKey.KeyId"/>.</summary>
    /// <exception cref="NotFoundException">There is none in the namespaces that the client's key sees.</exception>
    public Task<ApiKey> GetAsync(string keyId, CancellationToken cancellationToken = default) => _api.GetKeyAsync(keyId, cancellationToken);

    /// <summary>
    /// Gives a key another secret, shown this once. Sent once, unless the service was certainly not reached: a second
    /// rotation would end the overlap with the secret that is in use.
    /// </summary>
    /// <param name="keyId">Which.</param>
    /// <param name="overlap">For how long the old secret stays good, up to 24 h; 1 h.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="NotFoundException">There is none.</exception>
    public Task<IssuedKey> RotateAsync(string keyId, TimeSpan? overlap = null, CancellationToken cancellationToken = default)
    {
        Durations.Check(overlap, nameof(overlap));
        return _api.RotateKeyAsync(keyId, new RotateKey { OverlapMs = (long?)overlap?.TotalMilliseconds }, cancellationToken);
    }

    /// <summary>Ends a key. Every replica refuses it within a second.</summary>
    /// <exception cref="NotFoundException">There is none.</exception>
    public Task<ApiKey> RevokeAsync(string keyId, CancellationToken cancellationToken = default) => _api.RevokeKeyAsync(keyId, cancellationToken);
}
