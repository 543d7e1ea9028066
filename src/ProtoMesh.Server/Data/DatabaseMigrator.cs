using Microsoft.EntityFrameworkCore;

namespace ProtoMesh.Server.Data;

/// <summary>Brings the tables up to date at start, for as long as that takes: a database that is away is tried again.</summary>
internal sealed partial class DatabaseMigrator(
    IDbContextFactory<MeshDb> factory, DatabaseChoice database, TimeProvider time, ILogger<DatabaseMigrator> log) : BackgroundService
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _tried = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the tables are those of this version.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Completes when it is known whether the database can be used: <see cref="Ready"/>, or a <see cref="Problem"/>.</summary>
    public Task Tried => _tried.Task;

    /// <summary>Why they are not yet, in one sentence; null once they are.</summary>
    public string? Problem { get; private set; } = "The tables of the database are being brought up to date.";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        string? said = null;
        for (var pause = TimeSpan.FromMilliseconds(100); ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                await MigrateAsync(stoppingToken);
                Problem = null;
                _ready.TrySetResult();
                _tried.TrySetResult();
                LogReady(log, database.Name);
                return;
            }
            catch (Exception problem) when (!stoppingToken.IsCancellationRequested)
            {
                Problem = DatabaseProblem.Sentence(problem, database);
                _tried.TrySetResult();
                if (Problem != said)
                {
                    said = Problem;
                    LogProblem(log, Problem);
                }
            }

            await Task.Delay(pause, time, stoppingToken);
        }
    }

    private async Task MigrateAsync(CancellationToken cancellationToken)
    {
        if (database is DatabaseChoice.Sqlite sqlite)
        {
            await MigrateFileAsync(Path.GetFullPath(sqlite.File), cancellationToken);
            return;
        }

        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.Database.MigrateAsync(cancellationToken);
        await SayWhoPassesAsync(db, cancellationToken);
    }

    /// <summary>A wall that does not stand should be no surprise.</summary>
    private async Task SayWhoPassesAsync(MeshDb db, CancellationToken cancellationToken)
    {
        var passing = await db.Database.SqlQuery<string>(
            $"SELECT rolname::text AS \"Value\" FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)").ToListAsync(cancellationToken);
        if (passing is [var role])
        {
            LogPasses(log, role);
        }
        else if (database is DatabaseChoice.Postgres { ResetsSessions: false })
        {
            LogKeepsSessions(log);
        }
    }

    /// <remarks>
    /// EF Core guards migrations of SQLite by a row that a killed process leaves behind, after which every later start
    /// waits for ever. A lock on a file ends with its process; whoever holds it knows that such a row is a leftover.
    /// </remarks>
    private async Task MigrateFileAsync(string file, CancellationToken cancellationToken)
    {
        var guard = file + ".migrating";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await using var alone = new FileStream(
                guard, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            await using var db = await factory.CreateDbContextAsync(cancellationToken);
            if (await IsBehindAsync(db, file, cancellationToken))
            {
                await db.Database.MigrateAsync(cancellationToken);
            }

            await db.Database.ExecuteSqlAsync($"PRAGMA journal_mode=WAL", cancellationToken);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new DatabaseException($"The SQLite file {file} cannot be prepared: {problem.Message}", problem);
        }
    }

    /// <summary>Only reads unless there is something to do: another process may be writing without a pause.</summary>
    private static async Task<bool> IsBehindAsync(MeshDb db, string file, CancellationToken cancellationToken)
    {
        if (!File.Exists(file))
        {
            return true;
        }

        var tables = await db.Database.SqlQuery<string>($"SELECT name AS \"Value\" FROM sqlite_master WHERE type = 'table'").ToListAsync(cancellationToken);
        // A first start that was killed may have left EF Core's own table of the guard and nothing else.
        if (tables.Exists(table => table != "__EFMigrationsLock") && !tables.Contains("__EFMigrationsHistory"))
        {
            throw new DatabaseException(
                $"The SQLite file {file} holds another program's tables; name another file in ConnectionStrings:Database.");
        }

        var isBehind = (await db.Database.GetPendingMigrationsAsync(cancellationToken)).Any();
        if (isBehind && tables.Contains("__EFMigrationsLock"))
        {
            await db.Database.ExecuteSqlAsync($"DELETE FROM \"__EFMigrationsLock\"", cancellationToken);
        }

        return isBehind;
    }

    [LoggerMessage(2001, LogLevel.Information, "The tables of the {Database} are up to date.")]
    private static partial void LogReady(ILogger log, string database);

    [LoggerMessage(2003, LogLevel.Warning,
        "Row security does not bind the PostgreSQL role {Role}, which is a superuser or has BYPASSRLS: namespaces are kept apart by the service alone. Give it an ordinary role that owns its database.")]
    private static partial void LogPasses(ILogger log, string role);

    [LoggerMessage(2004, LogLevel.Warning,
        "With 'No Reset On Close' or 'Multiplexing' in ConnectionStrings:Database row security is not used: namespaces are kept apart by the service alone.")]
    private static partial void LogKeepsSessions(ILogger log);

    [LoggerMessage(2002, LogLevel.Error, "{Problem}")]
    private static partial void LogProblem(ILogger log, string problem);
}
