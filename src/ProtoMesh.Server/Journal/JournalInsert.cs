using System.Data;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Journal;

/// <summary>Inserts events and what they are about.</summary>
internal static class JournalInsert
{
    private static readonly RowInsert<JournalRow> Events = new("journal_events", "",
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

    private static readonly RowInsert<JournalRowResource> Resources = new("journal_event_resources", "",
        ("event_id", DbType.Int64, resource => resource.EventId),
        ("namespace", DbType.String, resource => resource.Namespace),
        ("resource", DbType.String, resource => resource.Resource));

    public static async Task RunAsync(MeshDb db, IReadOnlyList<JournalRow> rows, CancellationToken cancellationToken)
    {
        await Events.RunAsync(db, rows, cancellationToken);
        await Resources.RunAsync(db, [.. rows.SelectMany(row => row.Resources)], cancellationToken);
    }
}
