using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Access;

/// <summary>The settings of namespaces in SQL. The key of a row decides between writers at once.</summary>
internal sealed class NamespaceStore(IDbContextFactory<MeshDb> factory, TimeProvider time)
{
    /// <summary>Adds the revision after one; null when that is not the newest any more.</summary>
    public async Task<NamespaceRow?> TryAddAsync(string space, long after, string settings, string? comment, string? by, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        if (db is SqliteMeshDb)
        {
            // An operator was told that it holds; a power cut must not take it back.
            await db.Database.OpenConnectionAsync(cancellationToken);
            await db.Database.ExecuteSqlAsync($"PRAGMA synchronous=FULL", cancellationToken);
        }

        var row = new NamespaceRow { Namespace = space, Revision = after + 1, Settings = settings, Comment = comment, By = by, At = time.GetUtcNow().UtcDateTime };
        db.Add(row);
        try
        {
            await db.SaveChangesAsync(cancellationToken);
            return row;
        }
        catch (DbUpdateException failure) when (failure.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } or SqliteException { SqliteErrorCode: 19 })
        {
            return null;
        }
    }

    /// <summary>The newest row of a namespace; null when nothing was ever set there.</summary>
    public async Task<NamespaceRow?> FindAsync(string space, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<NamespaceRow>().AsNoTracking().Where(row => row.Namespace == space).OrderByDescending(row => row.Revision).FirstOrDefaultAsync(cancellationToken);
    }

    /// <summary>The newest row of each namespace after a name, in the order of their names.</summary>
    public async Task<List<NamespaceRow>> ListAsync(string? space, string after, int limit, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        var all = db.Set<NamespaceRow>();
        return await all.AsNoTracking()
            .Where(row => (space == null || row.Namespace == space) && string.Compare(row.Namespace, after) > 0 && !all.Any(later => later.Namespace == row.Namespace && later.Revision > row.Revision))
            .OrderBy(row => row.Namespace).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>The newest revision of each namespace.</summary>
    public async Task<Dictionary<string, long>> RevisionsAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Set<NamespaceRow>().GroupBy(row => row.Namespace).Select(rows => new { Namespace = rows.Key, Revision = rows.Max(row => row.Revision) })
            .ToDictionaryAsync(row => row.Namespace, row => row.Revision, StringComparer.Ordinal, cancellationToken);
    }
}
