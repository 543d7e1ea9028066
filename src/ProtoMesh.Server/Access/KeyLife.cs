using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Access;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Access;

/// <summary>Makes, shows, rotates and revokes keys. What is done is done on this replica before it returns.</summary>
internal sealed partial class KeyLife(KeyStore store, KeyRing ring, KeyLoader loader, TimeProvider time, ILogger<KeyLife> log)
{
    /// <summary>An open service has no keys to show, and the first one is not made by whoever comes by.</summary>
    public bool AreOn => ring.Mode == AccessMode.Keys;

    public async Task<IssuedKey> CreateAsync(CreateKey body, string space, Caller by, CancellationToken cancellationToken)
    {
        var text = KeyText.New();
        KeyText.TryRead(text, out var id, out var secret);
        var draft = new KeyRow
        {
            KeyId = id.ToString(), Namespace = space, Role = body.Role!, AgentId = body.AgentId, AgentPrefix = body.AgentPrefix, Team = body.Team,
            Labels = JsonSerializer.Serialize((body.Labels ?? new Dictionary<string, string>()).ToDictionary(), KeyJson.Default.DictionaryStringString),
            Groups = JsonSerializer.Serialize([.. body.Groups ?? []], KeyJson.Default.StringArray),
            MaxPriority = body.MaxPriority, MaxTtlMs = body.MaxTtlMs, Name = body.Name, Comment = body.Comment, Sha256 = KeyText.Digest(secret),
            CreatedAt = time.GetUtcNow().UtcDateTime, CreatedBy = by.KeyId!, ExpiresAt = body.ExpiresAt?.UtcDateTime,
        };
        var row = await store.CreateAsync(draft, by.Namespace, by.KeyId!, cancellationToken);
        LogCreated(log, row.KeyId, row.Role, row.Namespace, by.KeyId!);
        await loader.RefreshAsync(cancellationToken);
        return new IssuedKey { Key = text, Details = Shown(row) };
    }

    /// <summary>Null when there is no such key, or it is revoked.</summary>
    public async Task<IssuedKey?> RotateAsync(string id, TimeSpan overlap, Caller by, CancellationToken cancellationToken)
    {
        if (!KeyText.IsId(id))
        {
            return null;
        }

        var text = KeyText.New(id);
        KeyText.TryRead(text, out _, out var secret);
        if (await store.RotateAsync(id, by.Namespace, KeyText.Digest(secret), overlap, by.KeyId!, cancellationToken) is not { } row)
        {
            return null;
        }

        LogRotated(log, id, by.KeyId!);
        await loader.RefreshAsync(cancellationToken);
        return new IssuedKey { Key = text, Details = Shown(row) };
    }

    public async Task<ApiKey?> RevokeAsync(string id, Caller by, CancellationToken cancellationToken)
    {
        if (!KeyText.IsId(id) || await store.RevokeAsync(id, by.Namespace, by.KeyId!, cancellationToken) is not { } row)
        {
            return null;
        }

        LogRevoked(log, id, by.KeyId!);
        await loader.RefreshAsync(cancellationToken);
        return Shown(row);
    }

    public async Task<ApiKey?> FindAsync(string id, Caller by, CancellationToken cancellationToken) =>
        KeyText.IsId(id) && await store.FindAsync(id, by.Namespace, cancellationToken) is { } row ? Shown(row) : null;

    public async Task<ApiKeyPage> ListAsync(string? space, string? after, int limit, Func<string, string> tokenFor, CancellationToken cancellationToken)
    {
        var rows = await store.ListAsync(space, after ?? "", limit + 1, cancellationToken);
        return new ApiKeyPage { Keys = [.. rows.Take(limit).Select(Shown)], NextPageToken = rows.Count > limit ? tokenFor(rows[limit - 1].KeyId) : null };
    }

    public static Problem Unknown(string id) => Problems.Of("key_unknown", KeyText.IsId(id) ? $"There is no key {id}, or it is revoked." : "There is no key with such an id.");

    private ApiKey Shown(KeyRow row)
    {
        var used = Math.Max(row.LastUsedAt?.Ticks ?? 0, ring.Keys.GetValueOrDefault(row.KeyId)?.Use.LastUsed ?? 0);
        var may = Roles.Of(row.Role);
        return new ApiKey
        {
            KeyId = row.KeyId,
            State = row.RevokedAt is not null ? "revoked" : row.ExpiresAt <= time.GetUtcNow().UtcDateTime ? "expired" : "active",
            Name = row.Name,
            Comment = row.Comment,
            Role = row.Role,
            Scopes = [.. Enum.GetValues<Scopes>().Where(scope => scope != Scopes.None && may.HasFlag(scope)).Select(Roles.Name)],
            Namespace = row.Namespace,
            AgentId = row.AgentId,
            AgentPrefix = row.AgentPrefix,
            Team = row.Team,
            Labels = JsonSerializer.Deserialize(row.Labels, KeyJson.Default.DictionaryStringString) is { Count: > 0 } labels ? labels : null,
            Groups = JsonSerializer.Deserialize(row.Groups, KeyJson.Default.StringArray) is { Length: > 0 } groups ? groups : null,
            MaxPriority = row.MaxPriority,
            MaxTtlMs = row.MaxTtlMs,
            CreatedAt = row.CreatedAt,
            CreatedBy = row.CreatedBy,
            ExpiresAt = row.ExpiresAt,
            RotatedAt = row.RotatedAt,
            PreviousUntil = row.PreviousUntil,
            LastUsedAt = used > 0 ? new DateTime(used, DateTimeKind.Utc) : null,
            RevokedAt = row.RevokedAt,
            RevokedBy = row.RevokedBy,
        };
    }

    [LoggerMessage(7101, LogLevel.Information, "The key {KeyId} of the role {Role} in namespace {Space} was made by {By}.")]
    private static partial void LogCreated(ILogger log, string keyId, string role, string space, string by);

    [LoggerMessage(7102, LogLevel.Information, "The key {KeyId} was rotated by {By}.")]
    private static partial void LogRotated(ILogger log, string keyId, string by);

    [LoggerMessage(7103, LogLevel.Information, "The key {KeyId} was revoked by {By}.")]
    private static partial void LogRevoked(ILogger log, string keyId, string by);
}
