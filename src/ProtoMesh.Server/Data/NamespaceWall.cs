using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace ProtoMesh.Server.Data;

/// <summary>
/// Keeps a context that is confined to a namespace from the rows of all others: by a filter on what it reads, and by a look at
/// what it writes. It stands behind the conditions that a room writes by hand, for the day on which one is forgotten.
/// </summary>
/// <remarks>
/// Who is confined is said where the context is made and nowhere else. The service's own work (loaders, projections, retention)
/// runs inside the calls of confined callers as well, and has to see everything.
/// </remarks>
internal static class NamespaceWall
{
    /// <summary>What the filter is called.</summary>
    public const string Filter = "namespace";

    /// <summary>The property that tells to whom a row belongs. Tables without it hold nothing of any namespace.</summary>
    public const string Property = "Namespace";

    /// <param name="factory">Makes contexts that see everything.</param>
    /// <param name="space">The only namespace that is there for this one; null for all of them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<MeshDb> CreateConfinedAsync(this IDbContextFactory<MeshDb> factory, string? space, CancellationToken cancellationToken)
    {
        var db = await factory.CreateDbContextAsync(cancellationToken);
        db.ConfineTo(space);
        return db;
    }

    /// <summary>Puts the filter on every entity that belongs to a namespace.</summary>
    public static void Raise(ModelBuilder model, MeshDb db)
    {
        foreach (var entity in model.Model.GetEntityTypes().Where(entity => entity.FindProperty(Property) is not null))
        {
            // EF Core puts the context that asks in the place of this one.
            var (row, space) = (Expression.Parameter(entity.ClrType, "row"), Expression.Property(Expression.Constant(db, typeof(MeshDb)), nameof(MeshDb.Space)));
            entity.SetQueryFilter(Filter, Expression.Lambda(
                Expression.OrElse(Expression.Equal(space, Expression.Constant(null, typeof(string))), Expression.Equal(Expression.Property(row, Property), space)), row));
        }
    }

    /// <summary>Looks at what is about to be written.</summary>
    /// <exception cref="InvalidOperationException">A row belongs to another namespace, or did.</exception>
    public static void Check(MeshDb db)
    {
        if (db.Space is not { } space)
        {
            return;
        }

        foreach (var entry in db.ChangeTracker.Entries().Where(entry => entry.State is EntityState.Added or EntityState.Modified or EntityState.Deleted))
        {
            if (entry.Metadata.FindProperty(Property) is { } property)
            {
                var value = entry.Property(property);
                Check(space, entry.Metadata.GetTableName()!, value.CurrentValue);
                Check(space, entry.Metadata.GetTableName()!, entry.State == EntityState.Added ? space : value.OriginalValue);
            }
        }
    }

    /// <exception cref="InvalidOperationException">The row belongs to another namespace.</exception>
    public static void Check(string space, string table, object? @namespace)
    {
        if (@namespace as string != space)
        {
            throw new InvalidOperationException($"A row of {table} in the namespace {@namespace} was about to be written by a call that is confined to {space}; nothing was.");
        }
    }
}
