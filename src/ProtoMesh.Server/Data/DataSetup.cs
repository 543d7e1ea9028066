using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace ProtoMesh.Server.Data;

internal static class DataSetup
{
    /// <summary>Adds the database that <c>ConnectionStrings:Database</c> names, and the step that brings its tables up to date.</summary>
    public static IServiceCollection AddData(this IServiceCollection services, IConfiguration configuration)
    {
        var choice = DatabaseChoice.From(configuration);
        services.AddSingleton(choice);
        switch (choice)
        {
            case DatabaseChoice.Sqlite:
                services.AddPooledDbContextFactory<SqliteMeshDb>(options => Configure(options, choice));
                services.AddSingleton<IDbContextFactory<MeshDb>, MeshDbFactory<SqliteMeshDb>>();
                break;
            case DatabaseChoice.Postgres:
                services.AddPooledDbContextFactory<PostgresMeshDb>(options => Configure(options, choice));
                services.AddSingleton<IDbContextFactory<MeshDb>, MeshDbFactory<PostgresMeshDb>>();
                break;
        }

        services.AddSingleton<DatabaseMigrator>();
        services.AddHostedService(provider => provider.GetRequiredService<DatabaseMigrator>());
        return services;
    }

    public static void Configure(DbContextOptionsBuilder options, DatabaseChoice choice)
    {
        _ = choice switch
        {
            DatabaseChoice.Sqlite sqlite => options.UseSqlite(sqlite.ConnectionString).AddInterceptors(SqlitePragmas.Instance),
            DatabaseChoice.Postgres { ResetsSessions: false } postgres => options.UseNpgsql(postgres.ConnectionString),
            DatabaseChoice.Postgres postgres => options.UseNpgsql(postgres.ConnectionString).AddInterceptors(RowSecurity.Instance),
            _ => throw new InvalidOperationException("A database is SQLite or PostgreSQL."),
        };

        // A database that is away is said once, in a sentence, by the room that needed it; EF Core would say it each time.
        options.ConfigureWarnings(warnings => warnings.Log(
            (RelationalEventId.ConnectionError, LogLevel.Debug),
            (RelationalEventId.CommandError, LogLevel.Debug),
            (RelationalEventId.CommandExecuted, LogLevel.Debug),
            (RelationalEventId.TransactionError, LogLevel.Debug),
            (CoreEventId.QueryIterationFailed, LogLevel.Debug),
            (CoreEventId.SaveChangesFailed, LogLevel.Debug)));
    }
}
