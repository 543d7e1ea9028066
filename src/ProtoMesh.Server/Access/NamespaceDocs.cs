using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Access;

/// <summary>What the document says of the calls about namespaces.</summary>
internal static class NamespaceDocs
{
    private const string Fields = """
        "namespace": "payments", "revision": 3, "max_held_leases": 500, "max_waiters": 2000, "max_waiters_per_resource": 100,
            "counted_in": "namespace", "requests_per_second": 200, "burst": 400, "durability": "journaled", "default_policy": "deny-all",
            "resources": [{ "prefix": "customer/", "team": "payments", "labels": { "tier": "gold" } }],
            "comment": "the month's end", "changed_at": "2026-03-01T09:00:00.000Z", "changed_by": "ops (0b1d7c3e5f6a8092)"
        """;

    private static readonly ParameterDoc Space = new("namespace", "The name of a namespace: 1 to 40 of a-z, 0-9 and -.", Example: "payments");

    public static OperationDoc List { get; } = new(
        "Which namespaces have settings?",
        "In the order of their names. A namespace is there because somebody names it, so one that nobody ever set anything for is not listed. Whoever is in one namespace sees that one alone.")
    {
        Answers = [new(200, "A page; without `next_page_token` it is the last.", $$"""
            {
              "namespaces": [{
                {{Fields}}
              }]
            }
            """)],
    };

    public static OperationDoc Get { get; } = new("What holds in a namespace?", "Its settings, and as `ETag` the revision that a change has to name. A namespace that nobody ever set anything for answers revision 0.")
    {
        Parameters = By(Space), Answers = [new(200, "The settings.", $$"""{ {{Fields}} }""")],
    };

    public static OperationDoc Put { get; } = new(
        "Set what holds in a namespace",
        """
        Replaces all settings: what is absent is not limited, or as the service is configured. Every replica knows it within a second.

        `max_held_leases`, `max_waiters` and `max_waiters_per_resource` are counted in the store and checked when a request comes: beyond one it is
        answered 429 `namespace_limit` and leaves nothing. A request that was let into a queue is granted when its turn comes, also when the namespace
        has all its leases by then. `counted_in` says whether the count is one for the namespace; where its resources lie in several partitions, each
        counts its own up to the limit.

        `requests_per_second` and `burst` count the calls of the namespace's keys over all replicas; beyond them a call is answered 429 `rate_limited`.
        An admin of `*` is in no namespace and is not counted, and neither is anybody while the service is open.

        `default_policy` is what decides as long as no policy was activated in the namespace: `starter`, which allows what none of its rules speaks
        against, or `deny-all`, which denies every check and every request for a lease that names an `action`. A request that names none asks no policy,
        and leases that are held stay. Once a policy is activated there, it decides, whatever the default is.

        An admin of the namespace itself may change everything but these limits.
        """)
    {
        Parameters = By(Space),
        Headers = [new("If-Match", "The `ETag` of [getNamespace](#/Namespaces/getNamespace), such as `\"3\"`, or `*` for whatever is there.")],
        Bodies =
        [
            new("limits", "Limits", """{ "max_held_leases": 500, "max_waiters": 2000, "max_waiters_per_resource": 100, "requests_per_second": 200, "burst": 400 }"""),
            new("groups", "Whose resources these are", """{ "resources": [{ "prefix": "customer/", "team": "payments", "labels": { "tier": "gold" } }], "durability": "journaled" }"""),
            new("default", "Nothing is allowed before a policy is activated", """{ "default_policy": "deny-all" }"""),
        ],
        Answers = [new(200, "What holds now.", $$"""{ {{Fields}} }""")],
    };

    private static Dictionary<string, ParameterDoc> By(params ParameterDoc[] parameters) => parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
}
