using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Policies;

/// <summary>What came of an activation.</summary>
internal abstract record ActivationOutcome
{
    internal sealed record Activated(PolicyActivationRow Row) : ActivationOutcome;

    /// <summary>Another activation came first; nothing has changed.</summary>
    internal sealed record Stale(long Revision) : ActivationOutcome;
}

/// <summary>A name and its newest version.</summary>
internal sealed record PolicyNewest(string Name, int Version);

/// <summary>Versions and activations in SQL. Both are only ever added; their keys decide between writers at once.</summary>
internal sealed class PolicyStore(IDbContextFactory<MeshDb> factory, TimeProvider time)
{
    /// <summary>Each attempt loses only to a writer that won, so a few are many.</summary>
    private const int MostAttempts = 50;

    /// <summary>The document as the next version, or the newest one when that has the same text.</summary>
    public async Task<(PolicyVersionRow Row, bool IsNew)> PutAsync(string space, PolicySet set, string? author, string? comment, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var db = await OpenAsync(space, cancellationToken);
            var newest = await db.Set<PolicyVersionRow>().AsNoTracking().Where(row => row.Namespace == space && row.Name == set.Name)
                .OrderByDescending(row => row.Version).FirstOrDefaultAsync(cancellationToken);
            if (newest?.Sha256 == set.Sha256)
            {
                return (newest, false);
            }

            var row = new PolicyVersionRow
            {
                Namespace = space, Name = set.Name, Version = (newest?.Version ?? 0) + 1, Sha256 = set.Sha256, Author = author, Comment = comment,
                CreatedAt = time.GetUtcNow().UtcDateTime, Document = set.Source,
            };
            if (await TryAddAsync(db, row, attempt, cancellationToken))
            {
                return (row, true);
            }
        }
    }

    /// <summary>Makes a version decide, if the namespace's revision is still what the caller saw; null for whatever it is.</summary>
    public async Task<ActivationOutcome> ActivateAsync(
        string space, string name, int version, string sha256, string? by, long? expected, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var db = await OpenAsync(space, cancellationToken);
            var revision = await db.Set<PolicyActivationRow>().Where(row => row.Namespace == space).MaxAsync(row => (long?)row.Revision, cancellationToken) ?? 0;
            if (expected is not null && expected != revision)
            {
                return new ActivationOutcome.Stale(revision);
            }

            var row = new PolicyActivationRow
            {
                Namespace = space, Revision = revision + 1, Name = name, Version = version, Sha256 = sha256, By = by, At = time.GetUtcNow().UtcDateTime,
            };
            if (await TryAddAsync(db, row, attempt, cancellationToken))
            {
                return new ActivationOutcome.Activated(row);
            }
        }
    }

    /// <summary>The newest activation of a namespace; null when there was none.</summary>
    public async Task<PolicyActivationRow?> ActiveAsync(string space, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<PolicyActivationRow>().AsNoTracking().Where(row => row.Namespace == space)
            .OrderByDescending(row => row.Revision).FirstOrDefaultAsync(cancellationToken);
    }

    /// <summary>The newest activation of a namespace by somebody.</summary>
    public async Task<PolicyActivationRow?> ActivatedByAsync(string space, string by, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<PolicyActivationRow>().AsNoTracking().Where(row => row.Namespace == space && row.By == by)
            .OrderByDescending(row => row.Revision).FirstOrDefaultAsync(cancellationToken);
    }

    /// <summary>The newest revision of each namespace.</summary>
    public async Task<Dictionary<string, long>> RevisionsAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Set<PolicyActivationRow>().GroupBy(row => row.Namespace).Select(rows => new { Namespace = rows.Key, Revision = rows.Max(row => row.Revision) })
            .ToDictionaryAsync(row => row.Namespace, row => row.Revision, StringComparer.Ordinal, cancellationToken);
    }

    public async Task<PolicyVersionRow?> VersionAsync(string space, string name, int version, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<PolicyVersionRow>().AsNoTracking()
            .FirstOrDefaultAsync(row => row.Namespace == space && row.Name == name && row.Version == version, cancellationToken);
    }

    /// <summary>The newest version of a name with this text.</summary>
    public async Task<PolicyVersionRow?> WithDigestAsync(string space, string name, string sha256, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<PolicyVersionRow>().AsNoTracking().Where(row => row.Namespace == space && row.Name == name && row.Sha256 == sha256)
            .OrderByDescending(row => row.Version).FirstOrDefaultAsync(cancellationToken);
    }

    /// <summary>Versions of a name before a number, newest first, without their documents.</summary>
    public async Task<List<PolicyVersionRow>> VersionsAsync(string space, string name, int before, int limit, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<PolicyVersionRow>().AsNoTracking().Where(row => row.Namespace == space && row.Name == name && row.Version < before)
            .OrderByDescending(row => row.Version).Take(limit)
            .Select(row => new PolicyVersionRow
            {
                Namespace = row.Namespace, Name = row.Name, Version = row.Version, Sha256 = row.Sha256, Author = row.Author, Comment = row.Comment,
                CreatedAt = row.CreatedAt, Document = "",
            }).ToListAsync(cancellationToken);
    }

    /// <summary>Names after one, in their order, each with its newest version.</summary>
    public async Task<List<PolicyNewest>> NamesAsync(string space, string after, int limit, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<PolicyVersionRow>().Where(row => row.Namespace == space && string.Compare(row.Name, after) > 0)
            .GroupBy(row => row.Name).OrderBy(rows => rows.Key).Take(limit)
            .Select(rows => new PolicyNewest(rows.Key, rows.Max(row => row.Version))).ToListAsync(cancellationToken);
    }

    private async Task<MeshDb> OpenAsync(string space, CancellationToken cancellationToken)
    {
        var db = await factory.CreateConfinedAsync(space, cancellationToken);
        if (db is SqliteMeshDb)
        {
            // An operator was told that it holds; a power cut must not take it back.
            await db.Database.OpenConnectionAsync(cancellationToken);
            await db.Database.ExecuteSqlAsync($"PRAGMA synchronous=FULL", cancellationToken);
        }

        return db;
    }

    /// <summary>False when another writer took the number first.</summary>
    private static async Task<bool> TryAddAsync(MeshDb db, object row, int attempt, CancellationToken cancellationToken)
    {
        db.Add(row);
        try
        {
            await db.SaveChangesAsync(cancellationToken);
            return true;
        }
        catch (DbUpdateException failure) when (attempt < MostAttempts && failure.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } or SqliteException { SqliteErrorCode: 19 })
        {
            return false;
        }
    }
}
