namespace ProtoMesh.Contracts.Policies;

/// <summary>The policies that come with the service. Each is version 1 of its name in every namespace; no other document can have the name.</summary>
public static class BuiltInPolicy
{
    /// <summary>Allows what none of its few rules speaks against. It decides where nothing was activated and nothing else was set.</summary>
    public const string Starter = "starter";

    /// <summary>Denies everything.</summary>
    public const string DenyAll = "deny-all";
}
