using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Data;

public sealed class DatabaseSetup : IDisposable
{
    private readonly TempFolder _folder = new("data");

    public void Dispose() => _folder.Dispose();

    [Theory, ClassData(typeof(Databases))]
    public async Task The_migrations_are_those_of_the_model(string kind)
    {
        await using var services = Services(await Databases.CreateAsync(kind, _folder));
        await using var db = await services.GetRequiredService<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        Assert.False(db.Database.HasPendingModelChanges(), "Add a migration for both contexts: the model has changed.");
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task An_empty_database_gets_its_tables_at_start_and_keeps_them_at_the_next(string kind)
    {
        var connection = await Databases.CreateAsync(kind, _folder);
        for (var start = 0; start < 2; start++)
        {
            await using var services = Services(connection);
            var migrator = await MigratedAsync(services);
            Assert.Null(migrator.Problem);
            await using var db = await services.GetRequiredService<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
            Assert.Empty(await db.Set<JournalRow>().ToListAsync());
            Assert.Equal(1, (await db.Set<JournalIds>().SingleAsync()).NextId);
        }
    }

    [Theory]
    [InlineData("SELECT 1")]
    [InlineData("CREATE TABLE \"__EFMigrationsHistory\" (\"MigrationId\" TEXT PRIMARY KEY, \"ProductVersion\" TEXT NOT NULL)")]
    public async Task A_start_that_was_killed_while_migrating_does_not_block_the_next(string after)
    {
        var connection = await Databases.CreateAsync(Databases.Sqlite, _folder);
        await using var services = Services(connection);
        await using (var db = await services.GetRequiredService<IDbContextFactory<MeshDb>>().CreateDbContextAsync())
        {
            // What EF Core leaves behind when its process dies between taking its lock and giving it back.
            await db.Database.ExecuteSqlRawAsync(
                """
                CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER PRIMARY KEY, "Timestamp" TEXT NOT NULL);
                INSERT INTO "__EFMigrationsLock" VALUES (1, '2026-01-01 00:00:00');
                """);
            await db.Database.ExecuteSqlRawAsync(after);
        }

        await MigratedAsync(services);
    }

    [Fact]
    public async Task Two_processes_that_start_at_once_on_one_file_both_get_ready()
    {
        var connection = await Databases.CreateAsync(Databases.Sqlite, _folder);
        await using var first = Services(connection);
        await using var second = Services(connection);
        await Task.WhenAll(MigratedAsync(first), MigratedAsync(second));
    }

    [Fact]
    public async Task SQLite_is_opened_with_a_write_ahead_log_and_a_busy_timeout()
    {
        await using var services = Services(await Databases.CreateAsync(Databases.Sqlite, _folder));
        await MigratedAsync(services);
        await using var db = await services.GetRequiredService<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        Assert.Equal("wal", (await db.Database.SqlQuery<string>($"SELECT journal_mode AS Value FROM pragma_journal_mode").ToListAsync()).Single());
        Assert.Equal(1, (await db.Database.SqlQuery<long>($"SELECT synchronous AS Value FROM pragma_synchronous").ToListAsync()).Single());
        Assert.Equal(5000, (await db.Database.SqlQuery<long>($"SELECT timeout AS Value FROM pragma_busy_timeout").ToListAsync()).Single());
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_said_in_one_sentence()
    {
        var file = Path.Combine(_folder.Path, "mesh.db");
        await File.WriteAllTextAsync(file, string.Concat(Enumerable.Repeat("This is a letter. ", 400)));
        Assert.Equal(
            $"The SQLite file {file} is not a SQLite database; name another file in ConnectionStrings:Database.",
            await ProblemAsync($"Data Source={file}"));
    }

    [Fact]
    public async Task A_damaged_file_is_said_in_one_sentence()
    {
        var file = Path.Combine(_folder.Path, "mesh.db");
        await using (var services = Services($"Data Source={file}"))
        {
            await MigratedAsync(services);
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        var bytes = await File.ReadAllBytesAsync(file);
        Array.Fill(bytes, (byte)0xAB, 100, bytes.Length - 100);
        await File.WriteAllBytesAsync(file, bytes);
        Assert.Equal(
            $"The SQLite file {file} is damaged; stop the service and restore the file from a backup, or name another one.",
            await ProblemAsync($"Data Source={file}"));
    }

    [Fact]
    public async Task A_file_of_another_program_is_left_alone()
    {
        var file = Path.Combine(_folder.Path, "mesh.db");
        await using (var services = Services($"Data Source={file}"))
        {
            await using var db = await services.GetRequiredService<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
            await db.Database.ExecuteSqlRawAsync("CREATE TABLE bookmarks (url TEXT)");
        }

        Assert.Equal(
            $"The SQLite file {file} holds another program's tables; name another file in ConnectionStrings:Database.",
            await ProblemAsync($"Data Source={file}"));
    }

    [Fact]
    public async Task PostgreSQL_that_is_away_is_said_once_and_tried_again()
    {
        var port = FreePort.Take(1)[0];
        var said = new LogLines();
        await using var services = Services($"Host=127.0.0.1;Port={port};Username=postgres;Database=mesh;Timeout=2", said);
        var migrator = services.GetRequiredService<DatabaseMigrator>();
        await migrator.StartAsync(CancellationToken.None);
        var sentence = $"PostgreSQL at 127.0.0.1:{port} cannot be reached; it is tried again until it answers.";
        await Eventually.HoldsAsync(() => migrator.Problem == sentence, "the problem is told");
        await Eventually.HoldsAsync(() => said.Attempts >= 3, "it is tried again");
        Assert.Single(said.Errors, sentence);
        Assert.False(migrator.Ready.IsCompleted);
        await migrator.StopAsync(CancellationToken.None);
    }

    [Theory]
    [InlineData("Mongo=here", "ConnectionStrings:Database is neither 'Data Source=FILE' for SQLite nor 'Host=NAME;…' for PostgreSQL.")]
    [InlineData("redis://cache", "ConnectionStrings:Database cannot be read: ")]
    [InlineData("Host=db;Colour=blue", "ConnectionStrings:Database cannot be read: ")]
    [InlineData("Data Source=:memory:", "ConnectionStrings:Database names no file, and the journal has to outlive the process.")]
    public void A_connection_string_of_no_known_shape_is_refused_by_the_settings_name(string connection, string sentence)
    {
        var refusal = Assert.Throws<OptionsValidationException>(() => Services(connection));
        Assert.StartsWith(sentence, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_connection_string_the_database_is_a_file_in_the_data_folder()
    {
        var choice = Assert.IsType<DatabaseChoice.Sqlite>(DatabaseChoice.From(Databases.Configuration(null, ("Store:DataFolder", "somewhere"))));
        Assert.Equal(Path.Combine("somewhere", "protomesh.db"), choice.File);
    }

    private static ServiceProvider Services(string connection, LogLines? log = null)
    {
        var services = new ServiceCollection().AddSingleton(TimeProvider.System).AddLogging(logging =>
        {
            if (log is not null)
            {
                logging.SetMinimumLevel(LogLevel.Debug).AddProvider(log);
            }
        });
        return services.AddData(Databases.Configuration(connection)).BuildServiceProvider();
    }

    private static async Task<DatabaseMigrator> MigratedAsync(ServiceProvider services)
    {
        var migrator = services.GetRequiredService<DatabaseMigrator>();
        await migrator.StartAsync(CancellationToken.None);
        await migrator.Ready.WaitAsync(TimeSpan.FromSeconds(20));
        return migrator;
    }

    private static async Task<string?> ProblemAsync(string connection)
    {
        await using var services = Services(connection);
        var migrator = services.GetRequiredService<DatabaseMigrator>();
        var before = migrator.Problem;
        await migrator.StartAsync(CancellationToken.None);
        await Eventually.HoldsAsync(() => migrator.Problem != before, "the problem is told");
        await migrator.StopAsync(CancellationToken.None);
        Assert.False(migrator.Ready.IsCompleted);
        return migrator.Problem;
    }
}
