using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProtoMesh.Tests.Client;

/// <summary>
/// What this client has is what <c>tests/conformance/surface.json</c> lists, no more and no less: the same names, in the
/// spelling of each language, in every client. What belongs to one language alone is listed under <c>only</c>.
/// </summary>
public sealed class SurfaceTests
{
    private static readonly JsonObject Listed =
        JsonNode.Parse(File.ReadAllText(Path.Combine(ClientPackages.Root, "tests", "conformance", "surface.json")))!.AsObject();

    private static readonly Dictionary<string, IEnumerable<string>> Here = new()
    {
        // Leases and guards end with their scope, as each language has it; a client is closed by name.
        ["client"] = MembersOf<MeshClient>().Append("close"),
        ["locks"] = MembersOf<LocksClient>(),
        ["lease"] = MembersOf<Lease>(),
        ["policies"] = MembersOf<PoliciesClient>(),
        ["fences"] = MembersOf<FencesClient>(),
        ["events"] = MembersOf<EventsClient>(),
        ["keys"] = MembersOf<KeysClient>(),
        ["budgets"] = MembersOf<BudgetsClient>(),
        ["approvals"] = MembersOf<ApprovalsClient>(),
        ["guard"] = MembersOf<Guard>(),
        ["denial"] = MembersOf<Denial>(),
        ["acquire_options"] = MembersOf<LeaseOptions>(),
        ["guard_options"] = MembersOf<GuardOptions>(),
        ["client_options"] = MembersOf<MeshClientOptions>(),
        ["errors"] = typeof(MeshException).Assembly.GetExportedTypes().Where(type => type.IsAssignableTo(typeof(MeshException))).Select(type => type.Name[..^"Exception".Length]),
        ["error_fields"] = MembersOf<MeshException>().Append("message"),
    };

    public static TheoryData<string> Parts => [.. Listed.Select(part => part.Key).Where(part => part != "only")];

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_part_of_the_surface_is_as_it_is_listed(string part) =>
        Assert.Equal(Names(Listed[part]).Concat(Names(Listed["only"]?["dotnet"]?[part])).Order(StringComparer.Ordinal), Here[part].Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void What_is_listed_for_this_language_alone_names_parts_that_there_are() =>
        Assert.All(Listed["only"]!["dotnet"]!.AsObject(), part => Assert.True(Here.ContainsKey(part.Key), part.Key));

    private static IEnumerable<string> Names(JsonNode? list) => (list?.AsArray() ?? []).Select(name => (string)name!);

    private static IEnumerable<string> MembersOf<T>() =>
        from member in typeof(T).GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
        where member is PropertyInfo or MethodInfo { IsSpecialName: false } && !IsOfEveryObject(member)
        select Canonical(member);

    /// <summary>What the compiler writes for a record, and the end of a scope.</summary>
    private static bool IsOfEveryObject(MemberInfo member) => member.Name is "Equals" or "GetHashCode" or "ToString" or "EqualityContract" or "<Clone>$" or "DisposeAsync";

    /// <summary>A <see cref="TimeSpan"/> carries its unit, which the other languages' names do where it is a field of an answer.</summary>
    private static string Canonical(MemberInfo member)
    {
        var name = member.Name.EndsWith("Async", StringComparison.Ordinal) ? member.Name[..^"Async".Length] : member.Name;
        var canonical = JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
        return canonical == "retry_after" ? "retry_after_ms" : canonical;
    }
}
