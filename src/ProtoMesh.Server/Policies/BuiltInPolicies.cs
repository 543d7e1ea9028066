using System.Collections.Frozen;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Server.Policies;

/// <summary>The documents that come with the service. Each is version 1 of its name in every namespace, without a row; no document of an operator can have its name.</summary>
internal static class BuiltInPolicies
{
    /// <summary>What is said of a name that is taken.</summary>
    public const string Rule = $"any name but {BuiltInPolicy.Starter} and {BuiltInPolicy.DenyAll}, which are reserved";

    private static readonly ActivePolicy Starter = Load(BuiltInPolicy.Starter);
    private static readonly ActivePolicy DenyAll = Load(BuiltInPolicy.DenyAll);
    private static readonly FrozenDictionary<string, ActivePolicy> ByName = All.ToFrozenDictionary(policy => policy.Set.Name, StringComparer.Ordinal);

    /// <summary>In the order in which they are listed, with the revision of a namespace where nothing was activated.</summary>
    public static IReadOnlyList<ActivePolicy> All => [Starter, DenyAll];

    /// <summary>Null for the name of any other document.</summary>
    public static ActivePolicy? Named(string name) => ByName.GetValueOrDefault(name);

    /// <summary>What decides where nothing was activated.</summary>
    /// <param name="setting"><c>default_policy</c> of the namespace. A name that this version of the service does not know denies: whoever set it wanted something else than the starter.</param>
    public static ActivePolicy Default(string? setting) => setting is null ? Starter : Named(setting) ?? DenyAll;

    private static ActivePolicy Load(string name)
    {
        using var stream = typeof(BuiltInPolicies).Assembly.GetManifestResourceStream($"Policies/{name}.yaml")!;
        var load = PolicySet.Load(new StreamReader(stream).ReadToEnd());
        return new ActivePolicy(
            load.Set ?? throw new InvalidOperationException($"The policy {name} of the service cannot be used: {PolicyErrors.Sentence(load, $"{name}.yaml")}"), 1, 0);
    }
}
