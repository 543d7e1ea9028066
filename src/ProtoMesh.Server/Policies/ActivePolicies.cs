using System.Collections.Frozen;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>What decides in a namespace. <paramref name="Revision"/> grows with each activation there; 0 is the default of a namespace where nothing was activated.</summary>
internal sealed record ActivePolicy(PolicySet Set, int Version, long Revision);

/// <summary>The policies that decide now, one a namespace. Reading takes no lock; a change swaps the whole.</summary>
/// <remarks>Until the database was read nothing decides: an action that an operator forbade must not be allowed because SQL is late.</remarks>
internal sealed class ActivePolicies(NamespaceBook namespaces)
{
    private readonly Lock _writing = new();
    private volatile State _state = new(false, FrozenDictionary<string, ActivePolicy>.Empty, FrozenDictionary<string, string>.Empty);

    /// <summary>Why nothing decides yet, in one sentence.</summary>
    public string NotLoadedBecause { get; set; } = "The policies have not been read from the database yet.";

    public bool IsLoaded => _state.IsLoaded;

    /// <exception cref="StoreException">The database was never read.</exception>
    public ActivePolicy Of(string space)
    {
        var state = _state;
        return state.Activated.TryGetValue(space, out var active) ? active
            : state.IsLoaded ? BuiltInPolicies.Default(namespaces.Of(space).Settings.DefaultPolicy) : throw new StoreException("policies_unavailable", NotLoadedBecause);
    }

    /// <summary>Why a namespace's newest activation does not decide here, in one sentence; null when it does.</summary>
    public string? RefusedIn(string space) => _state.Refused.GetValueOrDefault(space);

    /// <summary>The same for any namespace.</summary>
    public string? Refused => _state.Refused.Values.FirstOrDefault();

    /// <summary>From now on it decides in the namespace.</summary>
    public void Apply(string space, ActivePolicy active) => Change(state => state with
    {
        Activated = With(state.Activated, space, active), Refused = state.Refused.Where(refused => refused.Key != space).ToFrozenDictionary(StringComparer.Ordinal),
    });

    /// <summary>The newest activation of a namespace cannot be used here; what decided goes on deciding.</summary>
    public void Refuse(string space, string why) => Change(state => state with { Refused = With(state.Refused, space, why) });

    /// <summary>The database was read, the settings of the namespaces too: where nothing was activated the namespace's default decides.</summary>
    public void MarkLoaded() => Change(state => state.IsLoaded ? state : state with { IsLoaded = true });

    private void Change(Func<State, State> change)
    {
        lock (_writing)
        {
            _state = change(_state);
        }
    }

    private static FrozenDictionary<string, T> With<T>(FrozenDictionary<string, T> all, string space, T value) =>
        new Dictionary<string, T>(all, StringComparer.Ordinal) { [space] = value }.ToFrozenDictionary(StringComparer.Ordinal);

    private sealed record State(bool IsLoaded, FrozenDictionary<string, ActivePolicy> Activated, FrozenDictionary<string, string> Refused);
}
