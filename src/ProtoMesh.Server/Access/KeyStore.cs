using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Access;

/// <summary>What came of making the first key.</summary>
internal enum FirstKey
{
    /// <summary>It is an admin key now.</summary>
    Made,

    /// <summary>It was made before, with this secret.</summary>
    There,

    /// <summary>Its id has another secret.</summary>
    OtherSecret,

    /// <summary>An admin key that is good exists, so no other one is made this way.</summary>
    NotNeeded,
}

/// <summary>Keys in SQL. Every change takes the next revision in its own transaction, so replicas see all of them, in order.</summary>
internal sealed class KeyStore(IDbContextFactory<MeshDb> factory, TimeProvider time)
{
    /// <summary>Who makes a key that no other key asked for.</summary>
    public const string Bootstrap = "bootstrap";

    /// <param name="draft">What it may.</param>
    /// <param name="space">The namespace that its maker is in; null for none.</param>
    /// <param name="by">Who makes it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<KeyRow> CreateAsync(KeyRow draft, string? space, string by, CancellationToken cancellationToken) => ChangeAsync(space, async (db, revision) =>
    {
        await AddAsync(db, draft, by, revision, cancellationToken);
        return draft;
    }, cancellationToken);

    /// <summary>Makes the first admin key, also again when no admin key is good any more. Safe to repeat, on any replica.</summary>
    public async Task<FirstKey> CreateFirstAsync(string id, string sha256, CancellationToken cancellationToken)
    {
        // Most starts find it there; they need no turn. That another admin makes it unnecessary is not sure without one: the key may have come since it was not found.
        await using (var look = await factory.CreateDbContextAsync(cancellationToken))
        {
            if (await FirstOfAsync(look, id, sha256, cancellationToken) is { } known and not FirstKey.NotNeeded)
            {
                return known;
            }
        }

        return await ChangeAsync(null, async (db, revision) =>
        {
            if (await FirstOfAsync(db, id, sha256, cancellationToken) is { } known)
            {
                return known;
            }

            await AddAsync(db, new KeyRow
            {
                KeyId = id, Namespace = AccessKey.Everywhere, Role = Roles.Admin, Labels = "{}", Name = Bootstrap, Sha256 = sha256, CreatedBy = Bootstrap,
                CreatedAt = time.GetUtcNow().UtcDateTime,
            }, Bootstrap, revision, cancellationToken);
            return FirstKey.Made;
        }, cancellationToken);
    }

    /// <summary>The secret before stays good until a time. Null when there is no such key, or it is revoked.</summary>
    public Task<KeyRow?> RotateAsync(string id, string? space, string sha256, TimeSpan overlap, string by, CancellationToken cancellationToken) =>
        ChangeAsync(space, async (db, revision) =>
        {
            if (await FindAsync(db, id, space, cancellationToken) is not { RevokedAt: null } row)
            {
                return null;
            }

            var now = time.GetUtcNow().UtcDateTime;
            (row.PreviousSha256, row.PreviousUntil) = overlap > TimeSpan.Zero ? (row.Sha256, now + overlap) : ((string?)null, (DateTime?)null);
            (row.Sha256, row.RotatedAt, row.Revision) = (sha256, now, revision);
            db.Add(Change(row, "rotated", by, revision, now, new JsonObject { ["overlap_ms"] = (long)overlap.TotalMilliseconds }));
            await db.SaveChangesAsync(cancellationToken);
            return row;
        }, cancellationToken);

    /// <summary>Ends a key for good; what is revoked already stays as it is. Null when there is no such key.</summary>
    public Task<KeyRow?> RevokeAsync(string id, string? space, string by, CancellationToken cancellationToken) => ChangeAsync(space, async (db, revision) =>
    {
        if (await FindAsync(db, id, space, cancellationToken) is not { } row || row.RevokedAt is not null)
        {
            return await FindAsync(db, id, space, cancellationToken);
        }

        (row.RevokedAt, row.RevokedBy, row.Revision) = (time.GetUtcNow().UtcDateTime, by, revision);
        db.Add(Change(row, "revoked", by, revision, row.RevokedAt.Value, []));
        await db.SaveChangesAsync(cancellationToken);
        return row;
    }, cancellationToken);

    /// <param name="id">Which key.</param>
    /// <param name="space">Only when it is of this namespace; null for any.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<KeyRow?> FindAsync(string id, string? space, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await FindAsync(db, id, space, cancellationToken);
    }

    /// <summary>Keys after an id, in the order of their ids.</summary>
    public async Task<List<KeyRow>> ListAsync(string? space, string after, int limit, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<KeyRow>().AsNoTracking().Where(row => (space == null || row.Namespace == space) && string.Compare(row.KeyId, after) > 0)
            .OrderBy(row => row.KeyId).Take(limit).ToListAsync(cancellationToken);
    }

    public async Task<AccessStateRow> StateAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Set<AccessStateRow>().AsNoTracking().FirstOrDefaultAsync(row => row.Id == AccessStateRow.Only, cancellationToken) ?? throw Lost();
    }

    /// <summary>What was changed after a revision.</summary>
    public async Task<List<KeyRow>> ChangedAsync(long after, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Set<KeyRow>().AsNoTracking().Where(row => row.Revision > after).ToListAsync(cancellationToken);
    }

    /// <summary>Keeps the latest use of each key, whichever replica saw it.</summary>
    public async Task UsedAsync(IReadOnlyList<(string Id, DateTime At)> uses, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        foreach (var (id, at) in uses)
        {
            await db.Set<KeyRow>().Where(row => row.KeyId == id && (row.LastUsedAt == null || row.LastUsedAt < at))
                .ExecuteUpdateAsync(row => row.SetProperty(key => key.LastUsedAt, at), cancellationToken);
        }
    }

    private static Task<KeyRow?> FindAsync(MeshDb db, string id, string? space, CancellationToken cancellationToken) =>
        db.Set<KeyRow>().FirstOrDefaultAsync(row => row.KeyId == id && (space == null || row.Namespace == space), cancellationToken);

    /// <summary>Null when it has to be made.</summary>
    private async Task<FirstKey?> FirstOfAsync(MeshDb db, string id, string sha256, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return await FindAsync(db, id, null, cancellationToken) is { } row
            ? row.Sha256 == sha256 || row.PreviousSha256 == sha256 ? FirstKey.There : FirstKey.OtherSecret
            : await db.Set<KeyRow>().AnyAsync(
                key => key.Role == Roles.Admin && key.Namespace == AccessKey.Everywhere && key.RevokedAt == null && (key.ExpiresAt == null || key.ExpiresAt > now), cancellationToken)
                ? FirstKey.NotNeeded : null;
    }

    private static async Task AddAsync(MeshDb db, KeyRow row, string by, long revision, CancellationToken cancellationToken)
    {
        row.Revision = revision;
        await db.Set<AccessStateRow>().ExecuteUpdateAsync(state => state.SetProperty(only => only.ClosedAt, only => only.ClosedAt ?? row.CreatedAt), cancellationToken);
        db.Add(row);
        db.Add(Change(row, "created", by, revision, row.CreatedAt, new JsonObject
        {
            ["namespace"] = row.Namespace, ["role"] = row.Role, ["agent_id"] = row.AgentId, ["agent_prefix"] = row.AgentPrefix, ["team"] = row.Team, ["groups"] = JsonNode.Parse(row.Groups),
            ["max_priority"] = row.MaxPriority, ["max_ttl_ms"] = row.MaxTtlMs, ["expires_at"] = row.ExpiresAt,
        }));
        await db.SaveChangesAsync(cancellationToken);
    }

    private static KeyChangeRow Change(KeyRow row, string what, string by, long revision, DateTime at, JsonObject data) =>
        new() { Revision = revision, At = at, KeyId = row.KeyId, Namespace = row.Namespace, What = what, By = by, Data = data.ToJsonString(JsonSerializerOptions.Default) };

    /// <summary>The row of the state is locked from here to the commit: revisions are committed in their order.</summary>
    private async Task<T> ChangeAsync<T>(string? space, Func<MeshDb, long, Task<T>> change, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        await db.Database.OpenConnectionAsync(cancellationToken);
        if (db is SqliteMeshDb)
        {
            // An operator was told that it holds; a power cut must not take it back.
            await db.Database.ExecuteSqlAsync($"PRAGMA synchronous=FULL", cancellationToken);
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var rows = await db.Set<AccessStateRow>().Where(row => row.Id == AccessStateRow.Only).ExecuteUpdateAsync(
            row => row.SetProperty(state => state.Revision, state => state.Revision + 1), cancellationToken);
        if (rows != 1)
        {
            throw Lost();
        }

        var revision = await db.Set<AccessStateRow>().Where(row => row.Id == AccessStateRow.Only).Select(row => row.Revision).SingleAsync(cancellationToken);
        var result = await change(db, revision);
        await transaction.CommitAsync(cancellationToken);
        return result;
    }

    /// <summary>Without it nobody knows whether there ever was a key, so nothing is opened.</summary>
    private static DatabaseException Lost() => new("The table access_state has lost its row; restore the database from a backup.");
}
