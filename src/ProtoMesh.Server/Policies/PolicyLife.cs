using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>Keeps versions and makes them decide. What comes with the service is version 1 of its name in every namespace, without a row.</summary>
internal sealed class PolicyLife(PolicyStore store, ActivePolicies policies, PolicyLoader loader, NamespaceStore namespaces, KeyRing ring, TimeProvider time)
{
    public async Task<(PolicyVersion Version, bool IsNew)> PutAsync(string space, PolicySet set, string? author, string? comment, CancellationToken cancellationToken)
    {
        var (row, isNew) = await store.PutAsync(space, set, author, comment, cancellationToken);
        return (await ShownAsync(row, cancellationToken) with { Document = null }, isNew);
    }

    /// <summary>A version; null when there is none.</summary>
    public async Task<PolicyVersionRow?> FindAsync(string space, string name, int version, CancellationToken cancellationToken)
    {
        if (BuiltInPolicies.Named(name) is { } builtIn)
        {
            return version == builtIn.Version ? RowOf(builtIn, space) : null;
        }

        return PolicyRequests.IsName(name) ? await store.VersionAsync(space, name, version, cancellationToken) : null;
    }

    public async Task<PolicyVersion> ShownAsync(PolicyVersionRow row, CancellationToken cancellationToken) =>
        Shown(row, await ActiveAsync(row.Namespace, cancellationToken));

    /// <summary>Makes a version decide, on this replica before it returns.</summary>
    /// <param name="row">The version.</param>
    /// <param name="by">Who wants it.</param>
    /// <param name="revision">What the caller saw; null for whatever is active.</param>
    /// <param name="cancellationToken">Gives up before it is done; afterwards every replica learns of it by itself.</param>
    /// <returns>What is active now, and why it is not this version.</returns>
    public async Task<(PolicyActivation? Active, Problem? Problem)> ActivateAsync(PolicyVersionRow row, string? by, long? revision, CancellationToken cancellationToken)
    {
        // A version that this service cannot load, because another one kept it, never replaces one that works.
        var builtIn = BuiltInPolicies.Named(row.Name);
        var load = builtIn is null ? PolicySet.Load(row.Document) : null;
        if (load is { Set: null })
        {
            return (null, PolicyErrors.Problem(load, $"{row.Name}.yaml"));
        }

        if (load is { Set: { } set } && set.Sha256 != row.Sha256)
        {
            return (null, Problems.Of("policy_invalid", $"{row.Name} version {row.Version} is not the document that was kept: its digest is {set.Sha256}."));
        }

        if (load?.Set is { } asking && QuorumCheck.Look(asking, row.Namespace, ring, time.GetUtcNow()) is { Count: > 0 } missing)
        {
            var errors = missing.Select(issue => Problems.Field(issue.At($"{row.Name}.yaml"), issue.Message, null)).ToList();
            return (null, Problems.Of("policy_invalid", $"{errors[0].Field}: {errors[0].Rule}.") with { Errors = errors });
        }

        switch (await store.ActivateAsync(row.Namespace, row.Name, row.Version, row.Sha256, by, revision, cancellationToken))
        {
            case ActivationOutcome.Activated activated:
                await loader.ApplyAsync(activated.Row, load?.Set ?? builtIn!.Set);
                return (Shown(activated.Row), null);
            default:
                var active = await ActiveAsync(row.Namespace, cancellationToken);
                return (active, Problems.Of(
                    "precondition_failed",
                    FormattableString.Invariant($"The namespace {row.Namespace} is at revision {active.Revision}: {active.Name} version {active.Version}{(active.By is null ? "" : $", activated by {active.By}")}.")));
        }
    }

    public async Task<PolicyPage> ListAsync(string space, string? after, int limit, Func<string, string> tokenFor, CancellationToken cancellationToken)
    {
        var names = await store.NamesAsync(space, after ?? "", limit + 1, cancellationToken);
        var loaded = policies.Of(space);
        var builtIn = after is null ? BuiltInPolicies.All.Select(policy => new PolicySummary { Name = policy.Set.Name, NewestVersion = policy.Version }) : [];
        return new PolicyPage
        {
            Namespace = space,
            Active = await ActiveAsync(space, cancellationToken),
            Loaded = new LoadedPolicy { Name = loaded.Set.Name, Version = loaded.Version, Revision = loaded.Revision, Problem = policies.RefusedIn(space) },
            Policies = [.. builtIn, .. names.Take(limit).Select(name => new PolicySummary { Name = name.Name, NewestVersion = name.Version })],
            NextPageToken = names.Count > limit ? tokenFor(names[limit - 1].Name) : null,
        };
    }

    /// <summary>Null when the name has no versions.</summary>
    public async Task<PolicyVersionPage?> VersionsAsync(string space, string name, int before, int limit, Func<int, string> tokenFor, CancellationToken cancellationToken)
    {
        var active = await ActiveAsync(space, cancellationToken);
        if (BuiltInPolicies.Named(name) is { } builtIn)
        {
            return new PolicyVersionPage { Versions = [Shown(RowOf(builtIn, space), active) with { Document = null }] };
        }

        var rows = PolicyRequests.IsName(name) ? await store.VersionsAsync(space, name, before, limit + 1, cancellationToken) : [];
        return rows.Count == 0 ? null : new PolicyVersionPage
        {
            Versions = [.. rows.Take(limit).Select(row => Shown(row, active) with { Document = null })],
            NextPageToken = rows.Count > limit ? tokenFor(rows[limit - 1].Version) : null,
        };
    }

    /// <summary>As the database has it; a replica that has not seen it yet decides otherwise for less than a second.</summary>
    private async Task<PolicyActivation> ActiveAsync(string space, CancellationToken cancellationToken)
    {
        if (await store.ActiveAsync(space, cancellationToken) is { } row)
        {
            return Shown(row);
        }

        var settings = await namespaces.FindAsync(space, cancellationToken);
        var active = BuiltInPolicies.Default(settings is null ? null : NamespaceRules.Read(settings.Settings).DefaultPolicy);
        return new PolicyActivation { Namespace = space, Name = active.Set.Name, Version = active.Version, Sha256 = active.Set.Sha256, Revision = active.Revision };
    }

    private static PolicyVersionRow RowOf(ActivePolicy builtIn, string space) => new()
    {
        Namespace = space, Name = builtIn.Set.Name, Version = builtIn.Version, Sha256 = builtIn.Set.Sha256, Document = builtIn.Set.Source,
    };

    private static PolicyVersion Shown(PolicyVersionRow row, PolicyActivation active) => new()
    {
        Namespace = row.Namespace,
        Name = row.Name,
        Version = row.Version,
        Sha256 = row.Sha256,
        Author = row.Author,
        Comment = row.Comment,
        CreatedAt = row.CreatedAt == default ? null : row.CreatedAt,
        Active = (active.Name, active.Version) == (row.Name, row.Version),
        Document = row.Document,
    };

    private static PolicyActivation Shown(PolicyActivationRow row) => new()
    {
        Namespace = row.Namespace, Name = row.Name, Version = row.Version, Sha256 = row.Sha256, Revision = row.Revision, By = row.By, At = row.At,
    };
}
