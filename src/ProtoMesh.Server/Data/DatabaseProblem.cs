using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace ProtoMesh.Server.Data;

/// <summary>The database cannot be used as it is. The message is one sentence for a person.</summary>
internal sealed class DatabaseException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Turns what a provider throws into a sentence that says what is wrong and what to do.</summary>
internal static class DatabaseProblem
{
    /// <summary>True when the database, not our code, failed: worth trying again.</summary>
    public static bool IsOf(Exception exception) => Find<DbException>(exception) is not null
        || Find<DatabaseException>(exception) is not null || exception is TimeoutException;

    public static string Sentence(Exception exception, DatabaseChoice database)
    {
        if (Find<DatabaseException>(exception) is { } known)
        {
            return known.Message;
        }

        if (Find<SqliteException>(exception) is { } sqlite)
        {
            return $"The {database.Name} {OfSqlite(sqlite)}";
        }

        if (Find<PostgresException>(exception) is { } postgres)
        {
            return $"{database.Name} refuses: {postgres.MessageText} ({postgres.SqlState}).";
        }

        return Find<NpgsqlException>(exception) is not null || exception is TimeoutException
            ? $"{database.Name} cannot be reached; it is tried again until it answers."
            : $"The {database.Name} cannot be used: {exception.Message}";
    }

    private static string OfSqlite(SqliteException exception) => exception.SqliteErrorCode switch
    {
        5 or 6 => "is locked by another process; it is tried again.",
        8 => "cannot be written; check the permissions of the file and of its folder.",
        11 => "is damaged; stop the service and restore the file from a backup, or name another one.",
        13 => "cannot grow: the disk is full.",
        14 => "cannot be opened; check that its folder exists and may be written.",
        26 => "is not a SQLite database; name another file in ConnectionStrings:Database.",
        _ => $"cannot be used: {exception.Message}",
    };

    private static T? Find<T>(Exception? exception)
        where T : Exception
    {
        while (exception is not null and not T)
        {
            exception = exception.InnerException;
        }

        return (T?)exception;
    }
}
