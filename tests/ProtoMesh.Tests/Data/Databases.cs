using Microsoft.Extensions.Configuration;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Data;

/// <summary>The databases that one suite runs on: <c>[Theory, ClassData(typeof(Databases))]</c>.</summary>
public sealed class Databases : TheoryData<string>
{
    internal const string Sqlite = "sqlite";
    internal const string Postgres = "postgres";

    public Databases() => AddRange(Sqlite, Postgres);

    /// <summary>An empty database; a SQLite file lies in <paramref name="folder"/>.</summary>
    internal static async Task<string> CreateAsync(string kind, TempFolder folder) => kind == Sqlite
        ? $"Data Source={Path.Combine(folder.Path, "mesh.db")}" : await PostgresServer.CreateDatabaseAsync();

    internal static IConfiguration Configuration(string? connection, params (string Key, string Value)[] more) =>
        new ConfigurationBuilder().AddInMemoryCollection(
            [new KeyValuePair<string, string?>("ConnectionStrings:Database", connection), .. more.Select(pair => new KeyValuePair<string, string?>(pair.Key, pair.Value))])
            .Build();
}
