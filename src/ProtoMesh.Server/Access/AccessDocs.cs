using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace ProtoMesh.Server.Access;

/// <summary>Tells the document's readers whether the service is open, what each call needs, and where to put a key.</summary>
internal sealed class AccessDocs(KeyRing ring) : IOpenApiDocumentTransformer, IOpenApiOperationTransformer
{
    private const string SchemeName = "key";

    private const string OpenText = """
        **Open.** There is no key yet: whoever reaches this address may call everything. The setting `Auth:BootstrapKey` or
        `ProtoMesh.Server keys bootstrap` makes the first one; from then on every call needs one. The service listens on loopback only, unless
        `ASPNETCORE_URLS` says otherwise.
        """;

    private const string KeysText = """
        **Keys.** Every call needs a key: press *Authorize* and paste it, or send `Authorization: Bearer pm_…`. The namespace and the
        agent come from it, and each call says which scope it needs.
        """;

    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info.Description = document.Info.Description?.Replace("{access}", ring.Mode == AccessMode.Open ? OpenText : KeysText, StringComparison.Ordinal);
        document.Components ??= new OpenApiComponents();
        (document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal))[SchemeName] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            BearerFormat = "pm_{id}_{secret}_{crc}",
            Description = "A key of this service, as `POST /v1/keys` showed it once.",
        };
        return Task.CompletedTask;
    }

    public Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<RouteScope>().LastOrDefault() is { Scope: not Scopes.None and var scope })
        {
            operation.Description = $"{operation.Description}\n\nWith keys it needs the scope `{Roles.Name(scope)}`, which {Sentence([.. Roles.With(scope)])} have.".Trim();
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(SchemeName, context.Document)] = [] }];
        }

        return Task.CompletedTask;
    }

    private static string Sentence(string[] roles) => roles.Length == 1 ? $"only {roles[0]}s" : $"{string.Join(", ", roles[..^1])} and {roles[^1]}";
}
