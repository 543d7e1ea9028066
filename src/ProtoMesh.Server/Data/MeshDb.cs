using System.Data;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace ProtoMesh.Server.Data;

/// <summary>The SQL database. Each room configures its own tables by an <c>IEntityTypeConfiguration</c> in its folder.</summary>
/// <remarks>One model, and one derived context a provider, because EF Core keeps one set of migrations a context.</remarks>
internal abstract class MeshDb(DbContextOptions options) : DbContext(options)
{
    /// <summary>The only namespace whose rows are there, by <see cref="NamespaceWall"/>; null for the service itself, which sees all.</summary>
    public string? Space { get; private set; }

    /// <summary>For who hands a context out. On a connection that is open already PostgreSQL would not hear of it.</summary>
    public void ConfineTo(string? space) => Space = space is null || Database.GetDbConnection().State == ConnectionState.Closed
        ? space : throw new InvalidOperationException("A context is confined before it is used.");

    public override int SaveChanges(bool acceptAllChangesOnSuccess)
    {
        NamespaceWall.Check(this);
        return base.SaveChanges(acceptAllChangesOnSuccess);
    }

    public override Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        NamespaceWall.Check(this);
        return base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(MeshDb).Assembly);
        NamespaceWall.Raise(modelBuilder, this);
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            NameInSnakeCase(entity);
        }
    }

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Properties<DateTime>().HaveConversion<UtcConverter>();

    private static void NameInSnakeCase(IMutableEntityType entity)
    {
        var table = entity.GetTableName();
        foreach (var property in entity.GetProperties())
        {
            property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
        }

        foreach (var key in entity.GetKeys())
        {
            key.SetName($"pk_{table}");
        }

        foreach (var foreignKey in entity.GetForeignKeys())
        {
            foreignKey.SetConstraintName($"fk_{table}_{foreignKey.PrincipalEntityType.GetTableName()}");
        }

        foreach (var index in entity.GetIndexes())
        {
            index.SetDatabaseName($"ix_{table}_{string.Join('_', index.Properties.Select(property => property.GetColumnName()))}");
        }
    }

    /// <summary>SQLite forgets the kind of a time; every time in the database is UTC.</summary>
    private sealed class UtcConverter() : ValueConverter<DateTime, DateTime>(
        time => time, stored => DateTime.SpecifyKind(stored, DateTimeKind.Utc));
}

internal sealed class SqliteMeshDb(DbContextOptions<SqliteMeshDb> options) : MeshDb(options);

internal sealed class PostgresMeshDb(DbContextOptions<PostgresMeshDb> options) : MeshDb(options);

/// <summary>Hands out the context of the configured provider as what the rooms know, and confined to nothing, whoever had it before.</summary>
internal sealed class MeshDbFactory<TContext>(IDbContextFactory<TContext> pool) : IDbContextFactory<MeshDb>
    where TContext : MeshDb
{
    public MeshDb CreateDbContext() => Unconfined(pool.CreateDbContext());

    public async Task<MeshDb> CreateDbContextAsync(CancellationToken cancellationToken) =>
        Unconfined(await pool.CreateDbContextAsync(cancellationToken));

    private static TContext Unconfined(TContext db)
    {
        db.ConfineTo(null);
        return db;
    }
}
