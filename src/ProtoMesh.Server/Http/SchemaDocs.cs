using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace ProtoMesh.Server.Http;

/// <summary>Makes the schemas say what the wire says: absent instead of null, and the wire's names in the texts of the records.</summary>
internal sealed partial class SchemaDocs : IOpenApiSchemaTransformer
{
    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        if (schema.Description is { } text)
        {
            schema.Description = MemberPattern().Replace(text, match => $"`{JsonNamingPolicy.SnakeCaseLower.ConvertName(match.Groups["member"].Value)}`");
        }

        var ignore = context.JsonPropertyInfo?.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), false).OfType<JsonIgnoreAttribute>().FirstOrDefault();
        if (context.JsonPropertyInfo is not null && ignore?.Condition != JsonIgnoreCondition.Never && schema.Type is { } type)
        {
            schema.Type = type & ~JsonSchemaType.Null;
        }

        return Task.CompletedTask;
    }

    /// <summary>How a reference to a property of a record is written out: <c>long? AcquireLock.TtlMs</c>.</summary>
    [GeneratedRegex(@"(?:[\w?;&]+ )?\b[A-Z]\w+\.(?<member>[A-Z]\w+)")]
    private static partial Regex MemberPattern();
}
