namespace ProtoMesh.Server.Http;

/// <summary>The OpenAPI document and the pages on which it can be tried.</summary>
internal static class Docs
{
    public static void AddDocs(this WebApplicationBuilder builder) => builder.Services.AddOpenApi("v1");

    public static void MapDocs(this WebApplication app)
    {
        app.MapOpenApi("/openapi/{documentName}.json");
        app.UseSwaggerUI(options =>
        {
            options.RoutePrefix = "docs";
            options.DocumentTitle = "ProtoMesh";
            options.SwaggerEndpoint("/openapi/v1.json", "ProtoMesh");
        });
        foreach (var alias in new[] { "/", "/swagger" })
        {
            app.MapGet(alias, () => TypedResults.Redirect("/docs/")).ExcludeFromDescription();
        }
    }
}
