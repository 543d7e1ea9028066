using Microsoft.OpenApi;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>What the document says of the calls about keys.</summary>
internal static class KeyDocs
{
    private const string Fields = """
        "key_id": "5f0c2a91d3e4b687", "state": "active", "name": "billing in production", "role": "agent",
            "scopes": ["locks:acquire", "locks:keep", "locks:read", "events:read", "policies:check"], "namespace": "default",
            "agent_prefix": "billing-", "team": "payments", "labels": { "role": "senior" }, "max_priority": 7, "max_ttl_ms": 60000,
            "created_at": "2026-03-01T09:00:00.000Z", "created_by": "0b1d7c3e5f6a8092"
        """;

    private const string Issued = $$"""
        {
          "key": "pm_5f0c2a91d3e4b687_000000000000000000000000000000000000000000000000_00000000",
          "details": {
            {{Fields}}
          }
        }
        """;

    private static readonly ParameterDoc Id = new("key_id", "The `key_id` of a key, which is a part of its text.", Example: "5f0c2a91d3e4b687");

    public static OperationDoc Create { get; } = new(
        "Make a key",
        """
        The answer is the only time that its text is shown: what is kept is a SHA-256 of its secret. Every replica knows it within a second.

        The first key of a service is not made here but by the setting `Auth:BootstrapKey` or by `ProtoMesh.Server keys bootstrap`.
        """)
    {
        Bodies =
        [
            new("agent", "An agent, or several under one prefix", """{ "name": "billing in production", "role": "agent", "agent_prefix": "billing-", "team": "payments", "labels": { "role": "senior" }, "max_priority": 7, "max_ttl_ms": 60000 }"""),
            new("approver", "A person who approves for the group ops", """{ "name": "Ada", "role": "approver", "groups": ["ops"] }"""),
            new("viewer", "Somebody who only looks", """{ "name": "dashboard", "role": "viewer" }"""),
            new("admin", "An admin of one namespace", """{ "name": "team payments", "role": "admin", "namespace": "payments" }"""),
        ],
        Answers = [new(201, "Made. Keep the text: it is not shown again.", Issued)],
    };

    public static OperationDoc List { get; } = new("Which keys are there?", "In the order of their ids, also those that are revoked or have expired. Never a secret.")
    {
        Parameters = By(new ParameterDoc("namespace", "Only keys of this namespace, or `*` for those of none. Absent: all that the caller may see.", new OpenApiSchema { Type = JsonSchemaType.String })),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", $$"""
            {
              "keys": [{
                {{Fields}}, "last_used_at": "2026-03-02T10:11:00.000Z"
              }]
            }
            """)],
    };

    public static OperationDoc Find { get; } = new("What is this key?", "Everything but its secret, and when it was used last.")
    {
        Parameters = By(Id), Answers = [new(200, "The key.", $$"""{ {{Fields}} }""")],
    };

    public static OperationDoc Rotate { get; } = new(
        "Give a key another secret", "Its id and all that it may stay. The old text stays good for `overlap_ms`, at most a day, so that nobody is cut off in between.")
    {
        Parameters = By(Id),
        Bodies = [new("hour", "The old text is good for another hour", """{ "overlap_ms": 3600000 }"""), new("now", "The old text ends now", """{ "overlap_ms": 0 }""")],
        Answers = [new(200, "Rotated. Keep the text: it is not shown again.", Issued)],
    };

    public static OperationDoc Revoke { get; } = new(
        "End a key for good", "Every replica refuses it within a second, and ends the event streams that it opened. The key stays in the list. Revoking the last one does not open the service.")
    {
        Parameters = By(Id),
        Answers = [new(200, "Revoked.", $$"""{ {{Fields.Replace("\"active\"", "\"revoked\"", StringComparison.Ordinal)}}, "revoked_at": "2026-03-02T10:11:00.000Z", "revoked_by": "0b1d7c3e5f6a8092" }""")],
    };

    private static Dictionary<string, ParameterDoc> By(params ParameterDoc[] parameters) => parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
}
