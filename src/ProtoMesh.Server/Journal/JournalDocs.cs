using Microsoft.OpenApi;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Journal;

/// <summary>What the document says of this room's calls.</summary>
internal static class JournalDocs
{
    private const string Page = """
        {
          "events": [
            { "id": 4711, "type": "lock.granted", "at": "2026-03-01T09:00:00.000Z", "namespace": "default", "resource": "customer/123",
              "lock_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d.0", "agent_id": "billing-agent", "cause": "release" }
          ]
        }
        """;

    private static readonly ParameterDoc Resource = new("resource", "Only this resource, `type/id`.");
    private static readonly ParameterDoc Namespace = new("namespace", "The resource's namespace.");

    public static OperationDoc Events { get; } = new(
        "Read or follow what happened",
        """
        In the order in which the journal committed it. As JSON: pages from the beginning, or after `Last-Event-ID`. With
        `Accept: text/event-stream`: server-sent events as they are committed, from now on or after `Last-Event-ID`; a connection that broke goes on
        where it was.
        """)
    {
        Parameters = By(
            Resource, Namespace with { Text = "Only this namespace. Absent: all of them." }, new("agent_id", "Only this agent's."),
            new("type", "Only this type, such as `lock.granted`."), new("last_event_id", "As the header `Last-Event-ID`, for clients that cannot set it.")),
        Headers = [new("Last-Event-ID", "The `id` of the last event that the caller has; the answer begins after it.", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "0" })],
        Answers = [new(200, "A page; without `next_page_token` it is the last.", Page)],
    };

    public static OperationDoc History { get; } = new("What happened to a resource?", "Newest first, for as long as the journal keeps it.")
    {
        Parameters = By(Resource with { Text = "`type/id`.", Example = "customer/123", Required = true }, Namespace),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", Page)],
    };

    private static Dictionary<string, ParameterDoc> By(params ParameterDoc[] parameters) =>
        parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
}
