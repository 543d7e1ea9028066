using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace ProtoMesh.Server.Data;

/// <summary>The SQL database. Each room configures its own tables by an <c>IEntityTypeConfiguration</c> in its folder.</summary>
/// <remarks>One model, and one derived context a provider, because EF Core keeps one set of migrations a context.</remarks>
internal abstract class MeshDb(DbContextOptions options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(MeshDb).Assembly);
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

/// <summary>Hands out the context of the configured provider as what the rooms know.</summary>
internal sealed class MeshDbFactory<TContext>(IDbContextFactory<TContext> pool) : IDbContextFactory<MeshDb>
    where TContext : MeshDb
{
    public MeshDb CreateDbContext() => pool.CreateDbContext();

    public async Task<MeshDb> CreateDbContextAsync(CancellationToken cancellationToken) =>
        await pool.CreateDbContextAsync(cancellationToken);
}
