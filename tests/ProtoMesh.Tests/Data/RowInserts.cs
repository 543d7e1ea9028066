using System.Data;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using ProtoMesh.Server.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Data;

/// <summary>What <see cref="RowInsert{TRow}"/> writes to SQLite behind the provider's back.</summary>
public sealed class RowInserts : IDisposable
{
    private static readonly RowInsert<(int Id, object? Value)> Insert = new("probe", "", ("id", DbType.Int32, row => row.Id), ("value", DbType.Object, row => row.Value));
    private readonly TempFolder _folder = new("rows");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_value_is_stored_as_the_provider_stores_it()
    {
        object?[] values =
        [
            null, "", "x", "ü\U0001F642", "a\0b", "\uD800", new string('ß', 5_000), long.MinValue, long.MaxValue, 0L, -1, int.MaxValue, true, false,
            new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc), new DateTime(2026, 1, 2, 3, 4, 5, 678, DateTimeKind.Utc), new DateTime(9, DateTimeKind.Utc), DateTime.MaxValue,
        ];
        await using var services = Services();
        await using var db = await OpenAsync(services);
        await Insert.RunAsync(db, [.. values.Select((value, index) => (index, value))], CancellationToken.None);
        await using (var provider = db.Database.GetDbConnection().CreateCommand())
        {
            provider.CommandText = "INSERT INTO probe (id, value) VALUES (@id, @value)";
            for (var index = 0; index < values.Length; index++)
            {
                provider.Parameters.Clear();
                provider.Parameters.Add(new SqliteParameter("@id", 1_000 + index));
                provider.Parameters.Add(new SqliteParameter("@value", values[index] ?? DBNull.Value));
                await provider.ExecuteNonQueryAsync();
            }
        }

        var stored = await db.Database.SqlQuery<string>($"SELECT typeof(value) || ' ' || hex(ifnull(value, '')) AS Value FROM probe ORDER BY id").ToListAsync();
        Assert.Equal(2 * values.Length, stored.Count);
        Assert.Equal(stored[values.Length..], stored[..values.Length]);
    }

    [Fact]
    public async Task A_row_that_SQLite_refuses_is_a_problem_of_the_database()
    {
        await using var services = Services();
        await using var db = await OpenAsync(services);
        var refused = await Assert.ThrowsAsync<SqliteException>(() => Insert.RunAsync(db, [(1, "a"), (1, "b")], CancellationToken.None));
        Assert.Equal((19, 1555, true), (refused.SqliteErrorCode, refused.SqliteExtendedErrorCode, DatabaseProblem.IsOf(refused)));
        Assert.Contains("UNIQUE constraint failed: probe.id", refused.Message, StringComparison.Ordinal);
    }

    private ServiceProvider Services() => new ServiceCollection().AddSingleton(TimeProvider.System).AddLogging()
        .AddData(Databases.Configuration($"Data Source={Path.Combine(_folder.Path, "mesh.db")};Pooling=False")).BuildServiceProvider();

    private static async Task<MeshDb> OpenAsync(ServiceProvider services)
    {
        var db = await services.GetRequiredService<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        await db.Database.OpenConnectionAsync();
        await db.Database.ExecuteSqlAsync($"CREATE TABLE probe (id INTEGER PRIMARY KEY, value)");
        return db;
    }
}
