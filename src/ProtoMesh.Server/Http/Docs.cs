using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace ProtoMesh.Server.Http;

/// <summary>The OpenAPI document and the pages on which it can be tried.</summary>
internal static class Docs
{
    public const string Document = "v1";

    private const string Introduction = """
        The coordination service for AI agents: before an agent touches something shared it asks here, and is told *go*,
        or *wait* (its place, behind whom and why), or *no* (and what would change that).

        **Start here:** open [acquireLock](#/Locks/acquireLock), press *Try it out* and then *Execute* twice without
        changing anything: the first answer is `granted`, the second `queued` at position 1.

        {access}

        * JSON in snake_case. Times are RFC 3339 in UTC, durations end in `_ms`. An absent field means null. Unknown fields
          and unknown query parameters are refused.
        * A failure is `application/problem+json` (RFC 9457) with a stable `code`, the fields that are wrong, and
          `next_step`. Each call lists its codes.
        * Any call may answer 500 `internal_error`, which is a fault of the service; its log has the `trace_id`.
        * A path that does not exist is 404 `not_found`, a method that it does not have 405 `method_not_allowed`.
        * What is not HTTP (400), a first line of more than 8 KB (414) and headers of more than 32 KB (431) are refused by the
          web server before any of this: with the status alone, and the end of the connection.
        * Every other answer carries `ProtoMesh-Version`.
        """;

    private static readonly (string Name, string Text)[] Tags =
    [
        ("Locks", "Acquire, wait, renew, release: one lease's life. The token that a grant carries fences writes."),
        ("Resources", "Who holds what, who waits and why; and the operator's way out."),
        ("Fences", "For a resource that cannot compare tokens itself."),
        ("Events", "What happened, in the order in which the journal committed it."),
        ("Policies", "May this agent do that?"),
        ("Approvals", "What waits for a person's yes, and saying it."),
        ("Keys", "Who may call, as which agent, in which namespace."),
        ("Health", "For probes and people."),
        ("Legacy", "The first version's calls, for clients that still send them."),
    ];

    public static void AddDocs(this WebApplicationBuilder builder) => builder.Services.AddOpenApi(Document, options => options
        .AddDocumentTransformer((document, _, _) =>
        {
            Describe(document);
            return Task.CompletedTask;
        })
        .AddOperationTransformer<OperationDocs>()
        .AddSchemaTransformer<SchemaDocs>());

    /// <param name="app">The service.</param>
    /// <param name="metadata">Of each of its routes.</param>
    public static void MapDocs(this WebApplication app, params object[] metadata)
    {
        app.MapOpenApi("/openapi/{documentName}.json").WithMetadata(metadata);
        app.UseSwaggerUI(options =>
        {
            options.RoutePrefix = "docs";
            options.DocumentTitle = "ProtoMesh";
            options.SwaggerEndpoint("/openapi/v1.json", "ProtoMesh");
            options.EnableDeepLinking();
            options.DisplayOperationId();
            options.DisplayRequestDuration();
            options.DefaultModelsExpandDepth(0);
            options.HeadContent = "<style>.swagger-ui .topbar{display:none}</style>";
        });
        foreach (var alias in new[] { "/", "/swagger" })
        {
            app.MapGet(alias, () => TypedResults.Redirect("/docs/")).ExcludeFromDescription().WithMetadata(metadata);
        }
    }

    private static void Describe(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = "ProtoMesh",
            Version = CommandLine.Version,
            Description = Introduction,
            License = new OpenApiLicense { Name = "Apache-2.0", Identifier = "Apache-2.0" },
        };

        // Without servers a page calls whoever served it, also behind a proxy.
        document.Servers = null;
        var used = document.Paths.Values.SelectMany(path => path.Operations ?? []).SelectMany(operation => operation.Value.Tags ?? new HashSet<OpenApiTagReference>())
            .Select(tag => tag.Name).ToHashSet(StringComparer.Ordinal);
        document.Tags = Tags.Where(tag => used.Contains(tag.Name)).Select(tag => new OpenApiTag { Name = tag.Name, Description = tag.Text }).ToHashSet();
    }
}
