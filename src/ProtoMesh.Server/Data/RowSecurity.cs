using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ProtoMesh.Server.Data;

/// <summary>
/// The second wall between namespaces, on PostgreSQL alone: the database itself keeps a connection that says its namespace from
/// the rows of all others, whatever the SQL is. A connection that says none is the service's own and sees everything.
/// </summary>
internal sealed class RowSecurity : DbConnectionInterceptor
{
    /// <summary>The setting of a session in which it says its namespace.</summary>
    public const string Setting = "protomesh.namespace";

    public const string Policy = "namespace_wall";
    private const string Say = $"SELECT set_config('{Setting}', @space, false)";

    public static RowSecurity Instance { get; } = new();

    /// <summary>For the migration that creates a table with a column <c>namespace</c>. What it does is not changed: migrations that have run did that.</summary>
    /// <remarks>
    /// Forced, as the service owns its tables. The setting is read in a query of its own, so once a statement and not once a row; PostgreSQL
    /// makes an empty text of one that was reset.
    /// </remarks>
    public static void Enable(MigrationBuilder migration, string table) => migration.Sql(
        $"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY {Policy} ON {table} USING (coalesce((SELECT current_setting('{Setting}', true)), '') IN ('', "namespace"));
        """);

    /// <summary>Undoes <see cref="Enable"/>.</summary>
    public static void Disable(MigrationBuilder migration, string table) => migration.Sql(
        $"""
        DROP POLICY {Policy} ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """);

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        if (SpaceOf(eventData) is { } space)
        {
            try
            {
                using var command = Command(connection, space);
                command.ExecuteNonQuery();
            }
            catch
            {
                connection.Close();
                throw;
            }
        }
    }

    /// <summary>What is said ends with the use of the connection: the pool resets the session before it gives it to anybody else.</summary>
    public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        if (SpaceOf(eventData) is { } space)
        {
            try
            {
                await using var command = Command(connection, space);
                await command.ExecuteNonQueryAsync(cancellationToken);
            }
            catch
            {
                // Left open, it would be used as if it had said so.
                await connection.CloseAsync();
                throw;
            }
        }
    }

    private static string? SpaceOf(ConnectionEndEventData eventData) => (eventData.Context as MeshDb)?.Space;

    private static DbCommand Command(DbConnection connection, string space)
    {
        var command = connection.CreateCommand();
        command.CommandText = Say;
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = ("@space", space);
        command.Parameters.Add(parameter);
        return command;
    }
}
