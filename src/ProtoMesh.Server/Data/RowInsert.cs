using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace ProtoMesh.Server.Data;

/// <summary>Inserts rows by prepared statements: two to four times as fast as tracking them, and the same SQL on both providers.</summary>
/// <param name="table">Where to.</param>
/// <param name="ending">What follows the values, such as what to do with a row that is there already.</param>
/// <param name="columns">Their names, types and values.</param>
internal sealed class RowInsert<TRow>(string table, string ending, params (string Column, DbType Type, Func<TRow, object?> Value)[] columns)
{
    /// <summary>PostgreSQL pays for each round trip.</summary>
    private const int RowsPerStatement = 64;
    private readonly Func<TRow, object?>? _namespace = columns.FirstOrDefault(column => column.Column == "namespace").Value;

    /// <exception cref="InvalidOperationException">A row belongs to another namespace than the one the context is confined to.</exception>
    public Task RunAsync(MeshDb db, IReadOnlyList<TRow> rows, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
        {
            return Task.CompletedTask;
        }

        if (db.Space is { } space && _namespace is not null)
        {
            foreach (var row in rows)
            {
                NamespaceWall.Check(space, table, _namespace(row));
            }
        }

        if (db is not SqliteMeshDb)
        {
            return RunInBlocksAsync(db, rows, cancellationToken);
        }

        RunOneByOne(db, rows, cancellationToken);
        return Task.CompletedTask;
    }

    /// <summary>SQLite has no round trips, and its provider is not asynchronous either.</summary>
    private void RunOneByOne(MeshDb db, IReadOnlyList<TRow> rows, CancellationToken cancellationToken)
    {
        using var insert = new SqliteInsert((SqliteConnection)db.Database.GetDbConnection(), Sql(1));
        foreach (var row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (var column = 0; column < columns.Length; column++)
            {
                insert.Bind(column, columns[column].Value(row));
            }

            insert.Execute();
        }
    }

    private async Task RunInBlocksAsync(MeshDb db, IReadOnlyList<TRow> rows, CancellationToken cancellationToken)
    {
        DbCommand? command = null;
        try
        {
            for (var start = 0; start < rows.Count; start += RowsPerStatement)
            {
                var count = Math.Min(RowsPerStatement, rows.Count - start);
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
        var sql = new StringBuilder($"INSERT INTO {table} ({string.Join(", ", columns.Select(column => column.Column))}) VALUES ");
        for (var at = 0; at < rows * columns.Length; at++)
        {
            sql.Append(at % columns.Length == 0 ? at == 0 ? "(" : "), (" : ", ").Append(NameOf(at));
        }

        return sql.Append(") ").Append(ending).ToString();
    }

    private static string NameOf(int at) => string.Create(CultureInfo.InvariantCulture, $"@p{at}");
}
