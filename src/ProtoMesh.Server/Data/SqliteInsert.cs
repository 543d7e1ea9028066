using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ProtoMesh.Server.Data;

/// <summary>
/// One prepared statement of SQLite, filled by place. Its ADO.NET provider looks each parameter up by its name and makes
/// half a dozen objects for each value, which costs as much as what SQLite does for the row.
/// </summary>
/// <remarks>Values are stored as the provider stores them, so that both can read and compare what either wrote.</remarks>
internal sealed class SqliteInsert : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;
    private byte[] _text = new byte[1024];

    public SqliteInsert(SqliteConnection connection, string sql)
    {
        _database = HandleOf(connection) ?? throw new InvalidOperationException("The connection is not open.");
        Check(raw.sqlite3_prepare_v2(_database, sql, out _statement));
    }

    /// <param name="at">From 0.</param>
    /// <param name="value">Null, a text, a number, a flag or a time.</param>
    public void Bind(int at, object? value) => Check(value switch
    {
        null => raw.sqlite3_bind_null(_statement, at + 1),
        string text => BindText(at + 1, text),
        long number => raw.sqlite3_bind_int64(_statement, at + 1, number),
        int number => raw.sqlite3_bind_int64(_statement, at + 1, number),
        bool flag => raw.sqlite3_bind_int64(_statement, at + 1, flag ? 1 : 0),
        DateTime time => BindText(at + 1, time.ToString(@"yyyy\-MM\-dd HH\:mm\:ss.FFFFFFF", CultureInfo.InvariantCulture)),
        _ => throw new InvalidOperationException($"There is no way to store a {value.GetType().Name}."),
    });

    /// <exception cref="SqliteException">SQLite refused the row.</exception>
    public void Execute()
    {
        if (raw.sqlite3_step(_statement) is var result and not raw.SQLITE_DONE)
        {
            throw Refused(result);
        }

        Check(raw.sqlite3_reset(_statement));
    }

    public void Dispose() => _statement.Dispose();

    private int BindText(int place, string text)
    {
        // An empty span has no address, and a text without an address is NULL.
        if (text.Length == 0)
        {
            return raw.sqlite3_bind_text(_statement, place, "");
        }

        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        if (_text.Length < most)
        {
            _text = new byte[most];
        }

        return raw.sqlite3_bind_text(_statement, place, _text.AsSpan(0, Encoding.UTF8.GetBytes(text, _text)));
    }

    private void Check(int result)
    {
        if (result != raw.SQLITE_OK)
        {
            throw Refused(result);
        }
    }

    /// <summary>As the provider tells it.</summary>
    private SqliteException Refused(int result) => new(
        $"SQLite Error {result}: '{raw.sqlite3_errmsg(_database).utf8_to_string()}'.", result, raw.sqlite3_extended_errcode(_database));

    /// <summary>The compiler refuses the property itself when the feed's SQLitePCLRaw is older than the provider's; see <see cref="SqliteLoader"/>.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Handle")]
    private static extern sqlite3? HandleOf(SqliteConnection connection);
}
