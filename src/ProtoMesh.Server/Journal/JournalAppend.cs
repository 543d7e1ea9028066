using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Journal;

/// <summary>An event of something that is decided in SQL and not in the store.</summary>
/// <param name="Type">Such as <c>approval.approved</c>.</param>
/// <param name="At">When it happened.</param>
/// <param name="Namespace">Where.</param>
/// <param name="Resources">What it is about, as <c>type/id</c>; there may be none.</param>
/// <param name="AgentId">Whom it is about.</param>
/// <param name="Data">What else there is to say.</param>
internal sealed record JournalDraft(string Type, DateTime At, string Namespace, IReadOnlyList<string> Resources, string? AgentId, JsonObject Data);

/// <summary>
/// Changes a room's tables and appends the events that tell of it in one transaction, so neither is ever there without the
/// other. Such events have a partition of their own, which no outbox, cursor or recovery knows.
/// </summary>
internal sealed class JournalAppend(IDbContextFactory<MeshDb> factory, JournalWatermark watermark)
{
    /// <summary>No store has it: partitions of stores count from 0.</summary>
    public const int Partition = -1;
    private const long Epoch = 1;
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>
    /// Makes a change. The row that ids come from is locked before it begins and until it is committed, so changes happen
    /// one after the other on all replicas, and each sees those before it.
    /// </summary>
    /// <param name="space">Where; null for anywhere.</param>
    /// <param name="change">Reads and changes, and adds what happened to the list.</param>
    /// <param name="cancellationToken">Gives up; nothing has happened then, unless it was being committed.</param>
    public async Task<T> ChangeAsync<T>(string? space, Func<MeshDb, List<JournalDraft>, Task<T>> change, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
            await db.Database.OpenConnectionAsync(cancellationToken);
            if (db is SqliteMeshDb)
            {
                // Somebody was told that it holds; a power cut must not take it back.
                await db.Database.ExecuteSqlAsync($"PRAGMA synchronous=FULL", cancellationToken);
            }

            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            var first = (await db.Database.SqlQuery<long>(
                $"UPDATE journal_ids SET next_id = next_id WHERE id = 1 RETURNING next_id AS \"Value\"").ToListAsync(cancellationToken)).Single();
            var drafts = new List<JournalDraft>();
            var result = await change(db, drafts);
            await db.SaveChangesAsync(cancellationToken);
            if (drafts.Count > 0)
            {
                await JournalInsert.RunAsync(db, [.. drafts.Select((draft, index) => RowOf(draft, first + index))], cancellationToken);
                var next = first + drafts.Count;
                await db.Set<JournalIds>().ExecuteUpdateAsync(set => set.SetProperty(row => row.NextId, next), cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
            if (drafts.Count > 0)
            {
                watermark.Advance(Partition, new EventId(Epoch, first + drafts.Count - 1));
            }

            return result;
        }
        finally
        {
            _turn.Release();
        }
    }

    private static JournalRow RowOf(JournalDraft draft, long id) => new()
    {
        Id = id,
        Partition = Partition,
        Epoch = Epoch,
        Counter = id,
        Type = draft.Type,
        At = draft.At,
        Namespace = draft.Namespace,
        Resource = draft.Resources is [var only] ? only : null,
        AgentId = draft.AgentId,
        Data = draft.Data.ToJsonString(JsonSerializerOptions.Default),
        Resources = draft.Resources.Count < 2 ? [] : [.. draft.Resources.Distinct(StringComparer.Ordinal)
            .Select(resource => new JournalRowResource { EventId = id, Namespace = draft.Namespace, Resource = resource })],
    };
}
