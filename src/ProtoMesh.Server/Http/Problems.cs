using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProtoMesh.Contracts;

namespace ProtoMesh.Server.Http;

/// <summary>Problems as RFC 9457 has them, from the one catalogue.</summary>
internal static class Problems
{
    /// <summary>As all other answers are written: readable text, times with a Z.</summary>
    private static readonly ProblemJson Json = new(new JsonSerializerOptions(ProblemJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new TimeConverter() },
    });

    public static Problem Of(string code, string detail) => ProblemCatalogue.Get(code).ToProblem(detail);

    /// <summary>One field that broke a rule.</summary>
    public static FieldError Field(string field, string rule, object? value) => new() { Field = field, Rule = rule, Value = Shown(value) };

    public static Problem Invalid(IReadOnlyList<FieldError> errors) =>
        Of("validation_failed", string.Join(" ", errors.Take(3).Select(error => $"{error.Field}: {error.Rule}."))) with { Errors = errors };

    /// <summary>The answer to a request of which one field broke a rule.</summary>
    public static IResult Validation(string field, string rule, object? value) => Result(Invalid([Field(field, rule, value)]));

    public static IResult Result(Problem problem) => new ProblemResult(problem);

    public static Task WriteAsync(HttpContext context, Problem problem) => new ProblemResult(problem).ExecuteAsync(context);

    /// <summary>What was sent, when it is short enough to be worth repeating.</summary>
    private static JsonNode? Shown(object? value) => value switch
    {
        null => null,
        string text => text.Length <= 80 ? JsonValue.Create(text) : JsonValue.Create($"{text[..60]}… ({text.Length} characters)"),
        int number => JsonValue.Create(number),
        long number => JsonValue.Create(number),
        bool flag => JsonValue.Create(flag),
        JsonNode node => node,
        _ => JsonValue.Create(Convert.ToString(value, CultureInfo.InvariantCulture)),
    };

    private sealed class ProblemResult(Problem problem) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            if (response.HasStarted)
            {
                return;
            }

            response.StatusCode = problem.Status;
            if (problem.RetryAfterMs is { } retryAfter)
            {
                response.Headers.RetryAfter = ((retryAfter + 999) / 1000).ToString(CultureInfo.InvariantCulture);
            }

            var traced = problem with { TraceId = Activity.Current?.TraceId.ToString() ?? httpContext.TraceIdentifier };
            await response.WriteAsJsonAsync(traced, Json.Problem, "application/problem+json", httpContext.RequestAborted);
        }
    }
}
