using System.Globalization;

namespace ProtoMesh.Server.Policies;

/// <summary>What a caller says of itself and of what it wants to do.</summary>
/// <param name="Cost">In dollars, as it was written.</param>
internal sealed record PolicyFacts(string Cost, string Role, string Team, string ResourceTeam);

/// <summary>The two rules that hold while nobody has written others: a spend limit a role, and a team keeps to its own.</summary>
internal static class StarterRules
{
    public static (bool Allowed, string Reason) Decide(PolicyFacts facts)
    {
        var limit = facts.Role switch { "senior" => 1_000, "admin" => 10_000, _ => 100 };
        if (double.Parse(facts.Cost, CultureInfo.InvariantCulture) > limit)
        {
            return (false, $"Cost ${facts.Cost} exceeds limit ${limit} for role {facts.Role}");
        }

        return facts.Team != facts.ResourceTeam && facts.Team != "admin"
            ? (false, $"Agent team '{facts.Team}' cannot access resource from team '{facts.ResourceTeam}'")
            : (true, "All policies passed");
    }
}
