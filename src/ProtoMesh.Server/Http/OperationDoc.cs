using System.Diagnostics.CodeAnalysis;
using Microsoft.OpenApi;

namespace ProtoMesh.Server.Http;

/// <summary>What the document says of one call beyond its types. Metadata of the endpoint.</summary>
internal sealed record OperationDoc(string Summary, string Description)
{
    /// <summary>The parameters of its path and query, by name; those that every call words alike are in <see cref="ParameterDoc.Common"/>.</summary>
    public IReadOnlyDictionary<string, ParameterDoc> Parameters { get; init; } = new Dictionary<string, ParameterDoc>(StringComparer.Ordinal);

    /// <summary>The request headers that it reads.</summary>
    public IReadOnlyList<ParameterDoc> Headers { get; init; } = [];

    /// <summary>The media types of a body that is a text of its own and not a record in JSON.</summary>
    public IReadOnlyList<string> BodyTypes { get; init; } = [];

    /// <summary>Bodies that can be sent, a text as a JSON string; the first is the one that the page offers.</summary>
    public IReadOnlyList<ExampleDoc> Bodies { get; init; } = [];

    public IReadOnlyList<AnswerDoc> Answers { get; init; } = [];
}

/// <summary>A parameter: what it means and, when its type in code does not tell, its schema.</summary>
internal sealed record ParameterDoc(string Name, string Text, OpenApiSchema? Schema = null, string? Example = null, bool Required = false)
{
    public static ParameterDoc Prefer(int defaultSeconds) => new(
        "Prefer", $"`wait=N`: holds the request open until its state changes, for at most N seconds (0 to 60, more counts as 60). Without it: `wait={defaultSeconds}`. The answer's `Preference-Applied` says what was applied.",
        new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^wait=[0-9]+$" });

    public static IReadOnlyDictionary<string, ParameterDoc> Common { get; } = new[]
    {
        new ParameterDoc("page_token", "The `next_page_token` of the page before, unchanged. Absent: the first page."),
        new ParameterDoc("limit", "How many entries a page has at most.", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "1000", Default = 100 }),
    }.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
}

/// <summary>A body, under a name that the page shows.</summary>
internal sealed record ExampleDoc(string Name, string Summary, [StringSyntax(StringSyntaxAttribute.Json)] string Json);

/// <summary>What a status means for one call, with an example; <paramref name="OrElse"/> is a second shape of the same status.</summary>
internal sealed record AnswerDoc(int Status, string Text, IReadOnlyList<ExampleDoc> Examples, Type? OrElse = null)
{
    public AnswerDoc(int status, string text, [StringSyntax(StringSyntaxAttribute.Json)] string json)
        : this(status, text, [new ExampleDoc("example", text, json)])
    {
    }
}
