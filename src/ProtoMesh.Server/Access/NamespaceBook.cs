using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts.Access;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Server.Access;

/// <summary>So many calls a second, and so many at once after a pause.</summary>
internal sealed record RateRule(int PerSecond, int Burst);

/// <summary>What holds in a namespace.</summary>
internal sealed class NamespaceRules
{
    public NamespaceRules(long revision, PutNamespace settings)
    {
        Revision = revision;
        Settings = settings;
        Rate = settings.RequestsPerSecond is { } perSecond ? new RateRule(perSecond, settings.Burst ?? perSecond) : null;
        Groups = [.. (settings.Resources ?? []).OrderByDescending(group => group.Prefix!.Length)];
        ForScripts = settings is { MaxHeldLeases: null, MaxWaiters: null, MaxWaitersPerResource: null }
            ? "" : $"{Text(settings.MaxHeldLeases)} {Text(settings.MaxWaiters)} {Text(settings.MaxWaitersPerResource)}";
    }

    /// <summary>Where nothing was ever set.</summary>
    public static NamespaceRules None { get; } = new(0, new PutNamespace());

    public long Revision { get; }

    public PutNamespace Settings { get; }

    /// <summary>Null for no limit.</summary>
    public RateRule? Rate { get; }

    /// <summary>The longest prefix first.</summary>
    public IReadOnlyList<ResourceGroup> Groups { get; }

    /// <summary>The limits as <c>Locks/Lua/_lib/counts.lua</c> reads them; empty for none.</summary>
    public string ForScripts { get; }

    /// <summary>The value of a limit, by its name on the wire.</summary>
    public long? LimitOf(string name) => name switch
    {
        "max_held_leases" => Settings.MaxHeldLeases,
        "max_waiters" => Settings.MaxWaiters,
        "max_waiters_per_resource" => Settings.MaxWaitersPerResource,
        _ => null,
    };

    /// <summary>Whether a request is journaled: it may ask for more than the namespace, never for less.</summary>
    /// <param name="asked">What it names; null for nothing.</param>
    /// <param name="configured">What holds where a namespace says nothing.</param>
    public bool IsJournaled(string? asked, string configured) => asked == LockDurability.Journaled || (Settings.Durability ?? configured) == LockDurability.Journaled;

    public static PutNamespace Read(string settings) => JsonSerializer.Deserialize(settings, AccessJson.Default.PutNamespace)!;

    public static string Write(PutNamespace settings) => JsonSerializer.Serialize(settings with { Comment = null }, AccessJson.Default.PutNamespace);

    private static string Text(int? limit) => limit?.ToString(CultureInfo.InvariantCulture) ?? "-";
}

/// <summary>The settings of the namespaces as this replica knows them. Reading takes no lock; a change swaps the whole.</summary>
internal sealed class NamespaceBook
{
    private readonly Lock _writing = new();
    private volatile FrozenDictionary<string, NamespaceRules> _rules = FrozenDictionary<string, NamespaceRules>.Empty;

    public NamespaceRules Of(string space) => _rules.TryGetValue(space, out var rules) ? rules : NamespaceRules.None;

    /// <summary>The same namespaces with the same revisions need nothing.</summary>
    public bool Knows(string space, long revision) => Of(space).Revision == revision;

    public void Apply(NamespaceRow row)
    {
        var rules = new NamespaceRules(row.Revision, NamespaceRules.Read(row.Settings));
        lock (_writing)
        {
            _rules = new Dictionary<string, NamespaceRules>(_rules, StringComparer.Ordinal) { [row.Namespace] = rules }.ToFrozenDictionary(StringComparer.Ordinal);
        }
    }

    /// <summary>A database that was restored may know less than before.</summary>
    public void Keep(IReadOnlyDictionary<string, long> revisions)
    {
        lock (_writing)
        {
            if (_rules.Keys.Any(space => !revisions.ContainsKey(space)))
            {
                _rules = _rules.Where(rules => revisions.ContainsKey(rules.Key)).ToFrozenDictionary(StringComparer.Ordinal);
            }
        }
    }
}
