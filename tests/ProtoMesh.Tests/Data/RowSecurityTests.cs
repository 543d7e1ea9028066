using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.Logging;
using Npgsql;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Tests.Data;

/// <summary>PostgreSQL's own wall, for when EF Core's filter is gone as well.</summary>
public sealed class RowSecurityTests
{
    private const string Bound = "SELECT count(*)::int FROM pg_roles WHERE rolname = current_user AND NOT rolsuper AND NOT rolbypassrls";

    [Fact]
    public async Task Every_table_with_a_namespace_has_it_and_forces_it_on_its_owner()
    {
        await using var rig = await WallRig.OpenAsync(Databases.Postgres);
        await using var db = await rig.EverythingAsync();
        var forced = await db.Database.SqlQueryRaw<string>(
            $"""
            SELECT c.relname::text AS "Value" FROM pg_class c JOIN pg_policies p ON p.schemaname = 'public' AND p.tablename = c.relname
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity AND c.relforcerowsecurity
            AND p.policyname = '{RowSecurity.Policy}' AND p.cmd = 'ALL' AND p.permissive = 'PERMISSIVE' AND p.roles::text[] = ARRAY['public'] AND p.qual LIKE '%{RowSecurity.Setting}%'
            """).ToListAsync();
        var named = await db.Database.SqlQueryRaw<string>(
            """SELECT table_name::text AS "Value" FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'namespace'""").ToListAsync();
        Assert.Equal(rig.Types.Select(type => type.GetTableName()!).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
        Assert.Equal(named.Order(StringComparer.Ordinal), forced.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Without_the_filter_another_namespace_is_still_not_there()
    {
        await using var rig = await WallRig.OpenAsync(Databases.Postgres);
        await using var db = await rig.ConfinedAsync(WallRig.Red);
        Assert.Equal(1, await AskAsync(db, Bound));
        foreach (var type in rig.Types)
        {
            Assert.Equal((type.Name, WallRig.Red), (type.Name, await WallRig.SpacesAsync(db, type, isFiltered: false)));
        }

        await using var everything = await rig.ConfinedAsync(null);
        Assert.All(rig.Types, type => Assert.Equal("blue red", WallRig.SpacesAsync(everything, type, isFiltered: false).GetAwaiter().GetResult()));
    }

    [Fact]
    public async Task Raw_SQL_reads_and_changes_nothing_of_another_namespace()
    {
        await using var rig = await WallRig.OpenAsync(Databases.Postgres);
        await using var db = await rig.ConfinedAsync(WallRig.Red);
        await db.Database.OpenConnectionAsync();
        foreach (var table in rig.Types.Select(type => type.GetTableName()!))
        {
            Assert.Equal((table, 0, 1), (table, await AskAsync(db, $"SELECT count(*)::int FROM {table} WHERE namespace <> 'red'"), await AskAsync(db, $"SELECT count(*)::int FROM {table}")));
            Assert.Equal((table, 0, 0), (table, await DoAsync(db, $"UPDATE {table} SET namespace = 'red' WHERE namespace = 'blue'"), await DoAsync(db, $"DELETE FROM {table} WHERE namespace = 'blue'")));
            Assert.Equal((table, 1), (table, await DoAsync(db, $"UPDATE {table} SET namespace = namespace")));
            await RefusesAsync(db, $"UPDATE {table} SET namespace = 'blue'");
            await RefusesAsync(db, $$"""INSERT INTO {{table}} SELECT (jsonb_populate_record(NULL::{{table}}, to_jsonb(own) || '{"namespace":"blue"}')).* FROM {{table}} own""");
        }

        await rig.HasAllAsync();
        foreach (var table in rig.Types.Reverse().Select(type => type.GetTableName()!))
        {
            Assert.Equal((table, 1), (table, await DoAsync(db, $"DELETE FROM {table}")));
        }

        await using var everything = await rig.EverythingAsync();
        Assert.All(rig.Types, type => Assert.Equal(WallRig.Blue, WallRig.SpacesAsync(everything, type).GetAwaiter().GetResult()));
    }

    [Fact]
    public async Task A_namespace_is_one_value_whatever_is_in_it()
    {
        await using var rig = await WallRig.OpenAsync(Databases.Postgres);
        await using var db = await rig.ConfinedAsync("', false), set_config('protomesh.namespace', '");
        Assert.Equal("", await WallRig.SpacesAsync(db, rig.Types[0], isFiltered: false));
    }

    [Theory]
    [InlineData("")]
    [InlineData(";No Reset On Close=true")]
    [InlineData(";Multiplexing=true")]
    public async Task The_next_user_of_a_connection_sees_everything(string more)
    {
        await using var rig = await WallRig.OpenAsync(Databases.Postgres, ";Maximum Pool Size=1" + more);
        int process;
        await using (var everything = await rig.EverythingAsync())
        {
            process = await AskAsync(everything, "SELECT pg_backend_pid()");
        }

        foreach (var space in new[] { WallRig.Red, WallRig.Blue })
        {
            await using (var confined = await rig.ConfinedAsync(space))
            {
                Assert.Equal(space, await WallRig.SpacesAsync(confined, rig.Types[0]));
                Assert.Equal(process, await AskAsync(confined, "SELECT pg_backend_pid()"));
            }

            await using var next = await rig.EverythingAsync();
            Assert.Equal((process, 2), (await AskAsync(next, "SELECT pg_backend_pid()"), await AskAsync(next, $"SELECT count(*)::int FROM {rig.Types[0].GetTableName()}")));
            Assert.Equal(1, await AskAsync(next, $"SELECT (coalesce(current_setting('{RowSecurity.Setting}', true), '') = '')::int"));
        }

        Assert.Equal(more.Length > 0 ? 1 : 0, rig.Log.Of(LogLevel.Warning).Count(line => line.StartsWith("With 'No Reset On Close' or 'Multiplexing'", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_exception_while_it_is_confined_leaves_nothing_behind()
    {
        await using var rig = await WallRig.OpenAsync(Databases.Postgres, ";Maximum Pool Size=1");
        await using (var db = await rig.ConfinedAsync(WallRig.Red))
        {
            await db.Database.BeginTransactionAsync();
            await Assert.ThrowsAsync<PostgresException>(() => DoAsync(db, "SELECT 1 / 0"));
        }

        await rig.HasAllAsync();
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData(";Username=postgres", 1)]
    public async Task A_role_that_it_does_not_bind_is_told_of_at_start(string more, int times)
    {
        await using var rig = await WallRig.OpenAsync(Databases.Postgres, more);
        Assert.Equal(times, rig.Log.Of(LogLevel.Warning).Count(line => line.StartsWith("Row security does not bind the PostgreSQL role postgres", StringComparison.Ordinal)));
    }

    private static async Task RefusesAsync(MeshDb db, string sql)
    {
        var refused = await Assert.ThrowsAsync<PostgresException>(() => DoAsync(db, sql));
        Assert.True(refused.SqlState == PostgresErrorCodes.InsufficientPrivilege && refused.MessageText.Contains("row-level security", StringComparison.Ordinal), $"{sql}: {refused.Message}");
    }

    private static async Task<int> AskAsync(MeshDb db, string sql)
    {
        await db.Database.OpenConnectionAsync();
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        var answer = Convert.ToInt32(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
        await db.Database.CloseConnectionAsync();
        return answer;
    }

    private static async Task<int> DoAsync(MeshDb db, string sql)
    {
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteNonQueryAsync();
    }
}
