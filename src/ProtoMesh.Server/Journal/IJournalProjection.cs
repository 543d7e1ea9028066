using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Journal;

/// <summary>Makes something of events in the transaction that takes them into the journal, so it is there exactly as often as they are.</summary>
internal interface IJournalProjection
{
    /// <param name="db">Within the transaction.</param>
    /// <param name="rows">In commit order, with their ids.</param>
    /// <param name="cancellationToken">Gives up, and with it the transaction.</param>
    Task ProjectAsync(MeshDb db, IReadOnlyList<JournalRow> rows, CancellationToken cancellationToken);
}
