using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace ProtoMesh.Server.Data;

/// <summary>Contexts for <c>dotnet ef</c>, which writes migrations and never opens these databases.</summary>
internal sealed class DesignTime : IDesignTimeDbContextFactory<SqliteMeshDb>, IDesignTimeDbContextFactory<PostgresMeshDb>
{
    SqliteMeshDb IDesignTimeDbContextFactory<SqliteMeshDb>.CreateDbContext(string[] args) =>
        new(OptionsFor<SqliteMeshDb>(new DatabaseChoice.Sqlite("Data Source=design.db", "design.db")));

    PostgresMeshDb IDesignTimeDbContextFactory<PostgresMeshDb>.CreateDbContext(string[] args) =>
        new(OptionsFor<PostgresMeshDb>(new DatabaseChoice.Postgres("Host=design", "design")));

    private static DbContextOptions<TContext> OptionsFor<TContext>(DatabaseChoice choice)
        where TContext : MeshDb
    {
        var options = new DbContextOptionsBuilder<TContext>();
        DataSetup.Configure(options, choice);
        return options.Options;
    }
}
