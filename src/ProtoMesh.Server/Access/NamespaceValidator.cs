using System.Globalization;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Access;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>Checks what the calls about namespaces are given. Whatever is wrong is named with its rule.</summary>
internal static class NamespaceValidator
{
    public const int MostGroups = 1_000;
    private const int MostPrefixBytes = 577;

    public static List<FieldError> Check(string space, PutNamespace body)
    {
        var errors = new List<FieldError>();
        void Require(string field, bool holds, string rule, object? value)
        {
            if (!holds)
            {
                errors.Add(Problems.Field(field, rule, value));
            }
        }

        void Range(string field, int? value, int least, int most) => Require(field, value is null || (value >= least && value <= most), $"{least} to {most}", value);

        Require("namespace", ResourceName.IsNamespace(space), ResourceName.NamespaceRule, space);
        Range("max_held_leases", body.MaxHeldLeases, 0, 10_000_000);
        Range("max_waiters", body.MaxWaiters, 0, 10_000_000);
        Range("max_waiters_per_resource", body.MaxWaitersPerResource, 0, 100_000);
        Range("requests_per_second", body.RequestsPerSecond, 1, 1_000_000);
        Range("burst", body.Burst, 1, 1_000_000);
        Require("burst", body.Burst is null || body.RequestsPerSecond is not null, "only with requests_per_second", body.Burst);
        Require("durability", body.Durability is null or LockDurability.Fast or LockDurability.Journaled, "fast or journaled", body.Durability);
        Require("default_policy", body.DefaultPolicy is null or BuiltInPolicy.Starter or BuiltInPolicy.DenyAll, "starter or deny-all", body.DefaultPolicy);
        Require("comment", body.Comment is null || KeyValidator.IsText(body.Comment, 500), "1 to 500 bytes without control characters", body.Comment);
        var groups = body.Resources ?? [];
        Require("resources", groups.Count <= MostGroups, $"at most {MostGroups} groups", groups.Count);
        var known = new HashSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < groups.Count && index < MostGroups; index++)
        {
            var (field, group) = (string.Create(CultureInfo.InvariantCulture, $"resources[{index}]"), groups[index]);
            Require($"{field}.prefix", group?.Prefix is { } prefix && KeyValidator.IsText(prefix, MostPrefixBytes), "the start of type/id: 1 to 577 bytes without control characters", group?.Prefix);
            Require($"{field}.prefix", group?.Prefix is null || known.Add(group.Prefix), "each prefix once", group?.Prefix);
            Require($"{field}.team", group?.Team is null || KeyValidator.IsText(group.Team, 128), KeyValidator.TextRule, group?.Team);
            errors.AddRange(KeyValidator.CheckLabels($"{field}.labels", group?.Labels));
        }

        return errors;
    }
}
