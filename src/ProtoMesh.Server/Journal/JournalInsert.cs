using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Journal;

/// <summary>Inserts rows by prepared statements: two to four times as fast as tracking them, and the same SQL on both providers.</summary>
internal static class JournalInsert
{
    private static readonly Table<JournalRow> Events = new("journal_events",
        ("id", DbType.Int64, row => row.Id),
        ("partition", DbType.Int32, row => row.Partition),
        ("epoch", DbType.Int64, row => row.Epoch),
        ("counter", DbType.Int64, row => row.Counter),
        ("type", DbType.String, row => row.Type),
        ("at", DbType.DateTime, row => row.At),
        ("namespace", DbType.String, row => row.Namespace),
        ("resource", DbType.String, row => row.Resource),
        ("lock_id", DbType.String, row => row.LockId),
        ("request_id", DbType.String, row => row.RequestId),
        ("agent_id", DbType.String, row => row.AgentId),
        ("session_id", DbType.String, row => row.SessionId),
        ("fencing_token", DbType.Int64, row => row.FencingToken),
        ("cause", DbType.String, row => row.Cause),
        ("data", DbType.String, row => row.Data));

    private static readonly Table<JournalRowResource> Resources = new("journal_event_resources",
        ("event_id", DbType.Int64, resource => resource.EventId),
        ("namespace", DbType.String, resource => resource.Namespace),
        ("resource", DbType.String, resource => resource.Resource));

    public static async Task RunAsync(MeshDb db, IReadOnlyList<JournalRow> rows, CancellationToken cancellationToken)
    {
        await Events.InsertAsync(db, rows, cancellationToken);
        await Resources.InsertAsync(db, [.. rows.SelectMany(row => row.Resources)], cancellationToken);
    }

    /// <summary>PostgreSQL pays for each round trip, SQLite for each further parameter, which its provider looks up by name.</summary>
    private static int RowsPerStatement(MeshDb db) => db is SqliteMeshDb ? 1 : 64;

    private sealed class Table<TRow>(string name, params (string Column, DbType Type, Func<TRow, object?> Value)[] columns)
    {
        public async Task InsertAsync(MeshDb db, IReadOnlyList<TRow> rows, CancellationToken cancellationToken)
        {
            var most = RowsPerStatement(db);
            DbCommand? command = null;
            try
            {
                for (var start = 0; start < rows.Count; start += most)
                {
                    var count = Math.Min(most, rows.Count - start);
                    if (command is null || command.Parameters.Count != count * columns.Length)
                    {
                        await (command?.DisposeAsync() ?? default);
                        command = Prepare(db, count);
                    }

                    for (var row = 0; row < count; row++)
                    {
                        for (var column = 0; column < columns.Length; column++)
                        {
                            command.Parameters[(row * columns.Length) + column].Value = columns[column].Value(rows[start + row]) ?? DBNull.Value;
                        }
                    }

                    await command.ExecuteNonQueryAsync(cancellationToken);
                }
            }
            finally
            {
                await (command?.DisposeAsync() ?? default);
            }
        }

        private DbCommand Prepare(MeshDb db, int rows)
        {
            var command = db.Database.GetDbConnection().CreateCommand();
            command.Transaction = db.Database.CurrentTransaction?.GetDbTransaction();
            command.CommandText = Sql(rows);
            for (var at = 0; at < rows * columns.Length; at++)
            {
                var parameter = command.CreateParameter();
                parameter.ParameterName = NameOf(at);
                parameter.DbType = columns[at % columns.Length].Type;
                command.Parameters.Add(parameter);
            }

            return command;
        }

        private string Sql(int rows)
        {
            var sql = new StringBuilder($"INSERT INTO {name} ({string.Join(", ", columns.Select(column => column.Column))}) VALUES ");
            for (var at = 0; at < rows * columns.Length; at++)
            {
                sql.Append(at % columns.Length == 0 ? at == 0 ? "(" : "), (" : ", ").Append(NameOf(at));
            }

            return sql.Append(')').ToString();
        }

        private static string NameOf(int at) => string.Create(CultureInfo.InvariantCulture, $"@p{at}");
    }
}
