using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Journal;

/// <summary>Follows the journal with tables of its own room: they change in the transaction that commits the events.</summary>
internal interface IJournalProjection
{
    /// <summary>Called once for each batch, in commit order; what it throws keeps the batch in the outbox.</summary>
    Task ProjectAsync(MeshDb db, IReadOnlyList<JournalRow> rows, CancellationToken cancellationToken);
}
