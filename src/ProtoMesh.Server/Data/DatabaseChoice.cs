using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ProtoMesh.Server.Data;

/// <summary>Which database the service uses, decided by the shape of <c>ConnectionStrings:Database</c>.</summary>
internal abstract record DatabaseChoice
{
    private const string Setting = "ConnectionStrings:Database";

    /// <summary>What a person is told the database is; never holds a password.</summary>
    public abstract string Name { get; }

    internal sealed record Sqlite(string ConnectionString, string File) : DatabaseChoice
    {
        public override string Name => $"SQLite file {File}";
    }

    internal sealed record Postgres(string ConnectionString, string Host) : DatabaseChoice
    {
        /// <summary>
        /// Whether what a session was told is gone before somebody else has it. Otherwise it is told nothing, so <see cref="RowSecurity"/> does not
        /// bind: a namespace that stuck to a session would hide rows from the service itself.
        /// </summary>
        public bool ResetsSessions { get; } = new NpgsqlConnectionStringBuilder(ConnectionString) is { NoResetOnClose: false, Multiplexing: false };

        public override string Name => $"PostgreSQL at {Host}";
    }

    /// <exception cref="OptionsValidationException">The text has neither shape; one sentence names the setting.</exception>
    public static DatabaseChoice From(IConfiguration configuration)
    {
        var text = configuration[Setting];
        if (string.IsNullOrWhiteSpace(text))
        {
            return OfSqlite(new SqliteConnectionStringBuilder
            {
                DataSource = Path.Combine(configuration["Store:DataFolder"] ?? new Store.StoreOptions().DataFolder, "protomesh.db"),
            });
        }

        try
        {
            var parts = new DbConnectionStringBuilder { ConnectionString = text };
            if (parts.ContainsKey("Data Source") || parts.ContainsKey("DataSource") || parts.ContainsKey("Filename"))
            {
                return OfSqlite(new SqliteConnectionStringBuilder(text));
            }

            if (parts.ContainsKey("Host") || parts.ContainsKey("Server"))
            {
                var postgres = new NpgsqlConnectionStringBuilder(text);
                return new Postgres(postgres.ConnectionString, $"{postgres.Host}:{postgres.Port}");
            }
        }
        catch (ArgumentException problem)
        {
            throw Refuse($"cannot be read: {problem.Message.TrimEnd('.')}.");
        }

        throw Refuse("is neither 'Data Source=FILE' for SQLite nor 'Host=NAME;…' for PostgreSQL.");
    }

    private static Sqlite OfSqlite(SqliteConnectionStringBuilder builder)
    {
        if (builder.Mode == SqliteOpenMode.Memory || builder.DataSource is "" or ":memory:")
        {
            throw Refuse("names no file, and the journal has to outlive the process.");
        }

        return new Sqlite(builder.ConnectionString, builder.DataSource);
    }

    private static OptionsValidationException Refuse(string why) => new(Setting, typeof(DatabaseChoice), [$"{Setting} {why}"]);
}
