using Microsoft.Extensions.Options;
using ProtoMesh.Server.Locks;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Legacy;

/// <summary>What became of a lock that somebody waits to hear of.</summary>
/// <param name="IsQueued">It still waits.</param>
/// <param name="AgeMs">It is held since so many ms and was announced just now; null when it is not held.</param>
internal readonly record struct Announced(bool IsQueued, long? AgeMs);

/// <summary>Calls the one script of this room.</summary>
internal sealed class LegacyScripts(ScriptStore store, IOptions<LockOptions> options)
{
    private static readonly Script Announce = Script.Named("Legacy/Lua/announce.lua");
    private readonly string _settings = options.Value.ForScripts;

    /// <summary>Publishes every one of the locks that is held at this moment; answers in the order of the call.</summary>
    public async ValueTask<IReadOnlyList<Announced>> AnnounceAsync(int partition, IEnumerable<LockId> ids, CancellationToken cancellationToken)
    {
        var reply = await store.RunAsync(
            Announce, partition, [store.ChannelOf(partition), _settings, .. ids.Select(id => id.RequestId)], cancellationToken);
        return [.. reply.Items.Skip(1).Select(state => state.Text switch
        {
            "queued" => new Announced(true, null),
            "gone" => new Announced(false, null),
            _ => new Announced(false, state.Number),
        })];
    }
}
