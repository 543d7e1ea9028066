using Microsoft.Extensions.Options;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Access;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>Changes and shows the settings of namespaces. What is changed holds on this replica before it returns.</summary>
internal sealed partial class NamespaceLife(NamespaceStore store, KeyLoader loader, ScriptStore scripts, IOptions<StoreOptions> options, ILogger<NamespaceLife> log)
{
    private const int MostAttempts = 50;

    /// <param name="space">Which namespace.</param>
    /// <param name="settings">All that holds from now on.</param>
    /// <param name="by">Who changes it.</param>
    /// <param name="expected">The revision that is replaced; null for whatever it is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<(NamespaceSettings? Settings, Problem? Problem)> PutAsync(
        string space, PutNamespace settings, Caller by, long? expected, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var before = await store.FindAsync(space, cancellationToken);
            var revision = before?.Revision ?? 0;
            if ((expected is not null && expected != revision) || attempt > MostAttempts)
            {
                return (null, Problems.Of("precondition_failed", $"The settings of {space} are at revision {revision} now; nothing was changed."));
            }

            var known = before is null ? new PutNamespace() : NamespaceRules.Read(before.Settings);
            if (by.Namespace is not null && !HasSameLimits(known, settings))
            {
                return (null, Problems.Of("forbidden", "The limits of a namespace are set by an admin who is in none; an admin of the namespace sends them as they are."));
            }

            if (await store.TryAddAsync(space, revision, NamespaceRules.Write(settings), settings.Comment, by.Name, cancellationToken) is { } row)
            {
                LogChanged(log, space, row.Revision, by.Name ?? "somebody, as the service is open");
                await loader.RefreshAsync(cancellationToken);
                return (Shown(row), null);
            }
        }
    }

    public async Task<NamespaceSettings> FindAsync(string space, CancellationToken cancellationToken) =>
        await store.FindAsync(space, cancellationToken) is { } row ? Shown(row) : Shown(new NamespaceRow { Namespace = space, Settings = "{}" });

    public async Task<NamespacePage> ListAsync(string? space, string? after, int limit, Func<string, string> tokenFor, CancellationToken cancellationToken)
    {
        var rows = await store.ListAsync(space, after ?? "", limit + 1, cancellationToken);
        return new NamespacePage { Namespaces = [.. rows.Take(limit).Select(Shown)], NextPageToken = rows.Count > limit ? tokenFor(rows[limit - 1].Namespace) : null };
    }

    /// <summary>Who is inside the walls must not move them.</summary>
    private static bool HasSameLimits(PutNamespace one, PutNamespace other) =>
        (one.MaxHeldLeases, one.MaxWaiters, one.MaxWaitersPerResource, one.RequestsPerSecond, one.Burst)
        == (other.MaxHeldLeases, other.MaxWaiters, other.MaxWaitersPerResource, other.RequestsPerSecond, other.Burst);

    private NamespaceSettings Shown(NamespaceRow row)
    {
        var settings = NamespaceRules.Read(row.Settings);
        return new NamespaceSettings
        {
            Namespace = row.Namespace,
            Revision = row.Revision,
            MaxHeldLeases = settings.MaxHeldLeases,
            MaxWaiters = settings.MaxWaiters,
            MaxWaitersPerResource = settings.MaxWaitersPerResource,
            CountedIn = scripts.Partitions <= 1 || options.Value.GroupBy == "namespace" ? "namespace" : "partition",
            RequestsPerSecond = settings.RequestsPerSecond,
            Burst = settings.Burst ?? settings.RequestsPerSecond,
            Durability = settings.Durability,
            DefaultPolicy = settings.DefaultPolicy ?? BuiltInPolicy.Starter,
            Resources = settings.Resources ?? [],
            Comment = row.Comment,
            ChangedAt = row.Revision > 0 ? row.At : null,
            ChangedBy = row.By,
        };
    }

    [LoggerMessage(7201, LogLevel.Information, "The settings of the namespace {Space} were changed to revision {Revision} by {By}.")]
    private static partial void LogChanged(ILogger log, string space, long revision, string by);
}
