using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace ProtoMesh.Server.Data;

/// <summary>Sets each SQLite connection up: a writer waits instead of failing, and commits are fast.</summary>
/// <remarks>
/// The write-ahead log is a property of the file and set by <see cref="DatabaseMigrator"/>: switching to it wants the file
/// for itself, so connections that each tried would stand in each other's way. <c>synchronous=NORMAL</c> survives a killed process; a power cut may take the last commits. Who needs more, as the
/// journal does before it lets the store forget an event, raises it on its own connection.
/// </remarks>
internal sealed class SqlitePragmas : DbConnectionInterceptor
{
    private const string Pragmas = "PRAGMA busy_timeout=5000; PRAGMA synchronous=NORMAL;";

    public static SqlitePragmas Instance { get; } = new();

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = connection.CreateCommand();
        command.CommandText = Pragmas;
        command.ExecuteNonQuery();
    }

    public override async Task ConnectionOpenedAsync(
        DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = Pragmas;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
