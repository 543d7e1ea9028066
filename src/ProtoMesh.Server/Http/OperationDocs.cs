using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using ProtoMesh.Contracts;

namespace ProtoMesh.Server.Http;

/// <summary>Writes into the document what <see cref="OperationDoc"/> and <see cref="ProblemCodes"/> say of an endpoint.</summary>
internal sealed class OperationDocs : IOpenApiOperationTransformer
{
    private static readonly string[] OfEveryBody = ["malformed_json", "validation_failed", "payload_too_large", "unsupported_media_type"];
    private static readonly string[] OfTheKeys = ["unauthorized", "forbidden", "keys_unavailable"];
    private static readonly string[] OfTheStore = ["store_recovering", "store_unavailable"];

    public async Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<OperationDoc>().LastOrDefault() is { } doc)
        {
            operation.Summary = doc.Summary;
            operation.Description = doc.Description;
            DescribeParameters(operation, doc);
            operation.RequestBody = doc.BodyTypes.Count > 0 ? TextBody(doc) : operation.RequestBody;
            DescribeBodies(operation, doc);
            foreach (var answer in doc.Answers)
            {
                await DescribeAsync(operation, answer, context, cancellationToken);
            }
        }

        if (metadata.OfType<ProblemCodes>().LastOrDefault() is { } codes)
        {
            IEnumerable<string> all = [.. codes.Codes, .. BodyCodes(operation), .. OfTheKeys, .. OfTheStore];
            DescribeProblems(operation, [.. all.Distinct().Select(ProblemCatalogue.Get).OrderBy(kind => kind.Status)], context.Document!);
        }
    }

    private static void DescribeParameters(OpenApiOperation operation, OperationDoc doc)
    {
        foreach (var parameter in (operation.Parameters ?? []).OfType<OpenApiParameter>())
        {
            if (doc.Parameters.GetValueOrDefault(parameter.Name!) is { } known || ParameterDoc.Common.TryGetValue(parameter.Name!, out known))
            {
                parameter.Description = known.Text;
                parameter.Schema = known.Schema ?? parameter.Schema;
                parameter.Example = known.Example is { } example ? JsonValue.Create(example) : null;
                parameter.Required |= known.Required;
            }
        }

        foreach (var header in doc.Headers)
        {
            (operation.Parameters ??= []).Add(new OpenApiParameter
            {
                Name = header.Name,
                In = ParameterLocation.Header,
                Description = header.Text,
                Schema = header.Schema ?? new OpenApiSchema { Type = JsonSchemaType.String },
            });
        }
    }

    private static OpenApiRequestBody TextBody(OperationDoc doc) => new()
    {
        Required = true,
        Content = doc.BodyTypes.ToDictionary(
            type => type, _ => new OpenApiMediaType { Schema = new OpenApiSchema { Type = JsonSchemaType.String } }, StringComparer.Ordinal),
    };

    private static IEnumerable<string> BodyCodes(OpenApiOperation operation) =>
        operation.RequestBody is null ? [] : operation.RequestBody.Content?.ContainsKey("application/json") == true ? OfEveryBody : OfEveryBody.Except(["malformed_json"]);

    private static void DescribeBodies(OpenApiOperation operation, OperationDoc doc)
    {
        if (operation.RequestBody?.Content is { } content && doc.Bodies.Count > 0)
        {
            foreach (var media in content.Values)
            {
                media.Examples = ExamplesOf(doc.Bodies);
            }
        }
    }

    private static async Task DescribeAsync(
        OpenApiOperation operation, AnswerDoc answer, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var status = answer.Status.ToString(CultureInfo.InvariantCulture);
        if (operation.Responses?.GetValueOrDefault(status) is not OpenApiResponse response)
        {
            throw new InvalidOperationException($"{operation.OperationId} documents an answer {status} that it does not have.");
        }

        response.Description = answer.Text;
        foreach (var media in response.Content?.Values ?? [])
        {
            if (answer.OrElse is { } second)
            {
                var schema = await context.GetOrCreateSchemaAsync(second, null, cancellationToken);
                context.Document!.AddComponent(second.Name, schema);
                media.Schema = new OpenApiSchema { OneOf = [media.Schema!, new OpenApiSchemaReference(second.Name, context.Document)] };
            }

            if (answer.Examples.Count > 0)
            {
                media.Examples = ExamplesOf(answer.Examples);
            }
        }
    }

    /// <summary>A table under the description, and for each status the problems as they are answered.</summary>
    private static void DescribeProblems(OpenApiOperation operation, IReadOnlyList<ProblemKind> kinds, OpenApiDocument document)
    {
        var text = new StringBuilder(operation.Description).Append("\n\n| Status | Code | Meaning |\n|---|---|---|\n");
        foreach (var kind in kinds)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {kind.Status} | `{kind.Code}` | {kind.Description} |\n");
        }

        operation.Description = text.ToString().Trim();
        foreach (var group in kinds.GroupBy(kind => kind.Status))
        {
            var examples = group.Select(kind => new ExampleDoc(
                kind.Code, kind.Title, JsonSerializer.Serialize(kind.ToProblem(kind.Description), ProblemJson.Default.Problem)));
            (operation.Responses ??= [])[group.Key.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponse
            {
                Description = string.Join(" ", group.Select(kind => $"`{kind.Code}`: {kind.Title}.")),
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/problem+json"] = new OpenApiMediaType
                    {
                        Schema = new OpenApiSchemaReference(nameof(Problem), document), Examples = ExamplesOf([.. examples]),
                    },
                },
            };
        }
    }

    private static Dictionary<string, IOpenApiExample> ExamplesOf(IReadOnlyList<ExampleDoc> examples) => examples.ToDictionary(
        example => example.Name,
        IOpenApiExample (example) => new OpenApiExample { Summary = example.Summary, Value = JsonNode.Parse(example.Json) },
        StringComparer.Ordinal);
}
