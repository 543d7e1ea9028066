using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Journal;

/// <summary>Reads the journal as the wire shows it: never a fencing token, never a session.</summary>
internal sealed class JournalReader(IDbContextFactory<MeshDb> factory)
{
    /// <summary>What the journal keeps for itself; <c>raw</c> is an event that could not be read, with all that is in it.</summary>
    private static readonly string[] Kept = ["fencing_token", "session_id", "to_session_id", "digest", "raw"];

    /// <summary>Events after an id, oldest first.</summary>
    public Task<IReadOnlyList<MeshEvent>> AfterAsync(EventFilter filter, long after, int limit, CancellationToken cancellationToken) =>
        ReadAsync(filter, rows => rows.Where(row => row.Id > after).OrderBy(row => row.Id).Take(limit), cancellationToken);

    /// <summary>Events before an id, newest first.</summary>
    public Task<IReadOnlyList<MeshEvent>> BeforeAsync(EventFilter filter, long before, int limit, CancellationToken cancellationToken) =>
        ReadAsync(filter, rows => rows.Where(row => row.Id < before).OrderByDescending(row => row.Id).Take(limit), cancellationToken);

    /// <summary>The id of the newest committed event; 0 when there was none ever.</summary>
    public async Task<long> NewestAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Set<JournalIds>().Select(ids => ids.NextId - 1).SingleAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<MeshEvent>> ReadAsync(
        EventFilter filter, Func<IQueryable<JournalRow>, IQueryable<JournalRow>> page, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(filter.Namespace, cancellationToken);
        var rows = db.Set<JournalRow>().AsNoTracking();
        rows = filter.AgentId is { } agent ? rows.Where(row => row.AgentId == agent) : rows;
        rows = filter.Type is { } type ? rows.Where(row => row.Type == type) : rows;
        rows = filter.Namespace is { } space ? rows.Where(row => row.Namespace == space) : rows;
        var query = filter.Resource is not { } resource ? page(rows)

            // Two pages by their own indexes, in one statement: read apart, an event committed in between could be skipped.
            : page(page(rows.Where(row => row.Resource == resource))
                .Concat(page(db.Set<JournalRowResource>()
                    .Where(one => one.Namespace == filter.Namespace && one.Resource == resource)
                    .Join(rows, one => one.EventId, row => row.Id, (_, row) => row))));
        return [.. (await query.ToListAsync(cancellationToken)).Select(Shown)];
    }

    private static MeshEvent Shown(JournalRow row) => new()
    {
        Id = row.Id,
        Type = row.Type,
        At = row.At,
        Namespace = row.Namespace,
        Resource = row.Resource,
        LockId = row.LockId,
        AgentId = row.AgentId,
        Cause = row.Cause,
        Data = ShownData(row.Data),
    };

    private static JsonElement ShownData(string data)
    {
        if (!Kept.Any(name => data.Contains(name, StringComparison.Ordinal)))
        {
            return JsonElement.Parse(data);
        }

        var json = JsonNode.Parse(data)!.AsObject();
        foreach (var name in Kept)
        {
            json.Remove(name);
            (json["request"] as JsonObject)?.Remove(name);
        }

        return JsonElement.Parse(json.ToJsonString());
    }
}
