using System.Text.Json;
using System.Text.RegularExpressions;
using ProtoMesh.Contracts;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Http;

/// <summary>Turns whatever goes wrong outside an endpoint into a problem, and stamps every answer with the version.</summary>
internal sealed partial class RequestProblems(ILogger<RequestProblems> log)
{
    /// <summary>What a field has to be, told when its JSON is of another kind. A field that is not here is told by its type alone.</summary>
    private static readonly Dictionary<string, string> Kinds = new(StringComparer.Ordinal)
    {
        ["priority"] = "a whole number, 0 to 9, higher is sooner",
        ["capacity"] = "a whole number, 1 to 10000",
        ["units"] = "a whole number, 1 to 10000",
        ["ttl_ms"] = "a whole number of milliseconds, from 1000",
        ["wait_ms"] = "a whole number of milliseconds, 0 to 86400000",
        ["max_hold_ms"] = "a whole number of milliseconds, 1000 to 86400000",
        ["drain_ms"] = "a whole number of milliseconds, 0 to 600000",
        ["ttl"] = "a whole number of seconds",
        ["fencing_token"] = "a whole number, 1 to 9007199254740991",
        ["max_priority"] = "a whole number, 0 to 9",
        ["max_ttl_ms"] = "a whole number of milliseconds, 1000 to 3600000",
        ["overlap_ms"] = "a whole number of milliseconds, 0 to 86400000",
        ["max_held_leases"] = "a whole number, 0 to 10000000",
        ["max_waiters"] = "a whole number, 0 to 10000000",
        ["max_waiters_per_resource"] = "a whole number, 0 to 100000",
        ["requests_per_second"] = "a whole number, 1 to 1000000",
        ["burst"] = "a whole number, 1 to 1000000",
        ["expires_at"] = "a time as in RFC 3339",
        ["amount"] = "a whole number, 0 to 9000000000000000; micro-dollars for usd",
        ["actual"] = "a whole number, 0 to 9000000000000000; micro-dollars for usd",
        ["hold_ms"] = "a whole number of milliseconds, 1000 to 86400000",
        ["valid_ms"] = "a whole number of milliseconds, 1000 to 86400000",
        ["expires_in_ms"] = "a whole number of milliseconds, 1000 to 604800000",
        ["uses"] = "a whole number, 1 to 10000",
        ["input_tokens"] = "a whole number, 0 to 1000000000",
        ["cached_input_tokens"] = "a whole number, 0 to 1000000000",
        ["cache_write_tokens"] = "a whole number, 0 to 1000000000",
        ["output_tokens"] = "a whole number, 0 to 1000000000",
        ["batch"] = "true or false",
        ["budgets"] = "a list of names of budgets",
        ["reentrant"] = "true or false",
        ["detached"] = "true or false",
        ["immediate"] = "true or false",
        ["resources"] = "a list of type/id texts or objects with resource, mode, capacity and units",
        ["locks"] = "a list of objects with lock_id, fencing_token and ttl_ms",
        ["labels"] = "an object of texts",
    };

    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        context.Response.Headers["ProtoMesh-Version"] = CommandLine.Version;
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null } && OfStatus(context, context.Response.StatusCode) is { } bare)
            {
                await Problems.WriteAsync(context, bare);
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to answer.
        }
        catch (BadHttpRequestException failure)
        {
            await Problems.WriteAsync(context, OfBadRequest(context, failure));
        }
        catch (InvalidOperationException failure) when (IsOfUnknownCharset(failure))
        {
            await Problems.WriteAsync(context, OfStatus(context, StatusCodes.Status415UnsupportedMediaType)!);
        }
        catch (StoreException failure)
        {
            await Problems.WriteAsync(context, Problems.Of(failure.Code, failure.Message) with { RetryAfterMs = 1_000 });
        }
        catch (Exception failure)
        {
            LogUnexpected(log, context.Request.Method, context.Request.Path, failure);
            await Problems.WriteAsync(context, Problems.Of("internal_error", "The service failed; its log has the details under the trace_id."));
        }
    }

    /// <summary>What binds bodies fails at a charset that it does not know, where it refuses any other wrong content type.</summary>
    private static bool IsOfUnknownCharset(InvalidOperationException failure) =>
        failure.InnerException is ArgumentException && failure.Message.Contains("charset", StringComparison.Ordinal);

    private static Problem OfBadRequest(HttpContext context, BadHttpRequestException failure) => failure switch
    {
        { InnerException: JsonException json } => OfJson(json),
        { StatusCode: StatusCodes.Status400BadRequest } when ParameterPattern().Match(failure.Message) is { Success: true } parameter =>
            Problems.Invalid([Problems.Field(
                parameter.Groups["name"].Value, parameter.Groups["type"].Value == "bool" ? "true or false" : "not readable as what this parameter is", parameter.Groups["value"].Value)]),
        _ => OfStatus(context, failure.StatusCode) ?? Problems.Of("malformed_json", "The request has no body that can be read; send a JSON object."),
    };

    private static Problem OfJson(JsonException json)
    {
        var field = json.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : "";
        if (json.Message.Contains("maximum configured depth", StringComparison.Ordinal))
        {
            return Problems.Invalid([Problems.Field(field.Length > 0 ? field.Split('.', '[')[0] : "body", $"too many levels; a body has at most {HttpSetup.MostLevels}", null)]);
        }

        if (UnmappedPattern().Match(json.Message) is { Success: true } unmapped)
        {
            return Problems.Invalid([Problems.Field(Within(field, unmapped.Groups["name"].Value), "no such field here", null)]);
        }

        if (ResourcePattern().Match(json.Message) is { Success: true } resource)
        {
            var rule = resource.Groups["rule"] is { Success: true } told ? Kinds.GetValueOrDefault(resource.Groups["name"].Value) ?? told.Value : "no such field here";
            return Problems.Invalid([Problems.Field(Within(field, resource.Groups["name"].Value), rule, null)]);
        }

        if (json.InnerException is null or InvalidOperationException or FormatException && field.Length > 0 && !json.Message.Contains("uplicate", StringComparison.Ordinal))
        {
            var name = field.Split('.', '[')[0];
            var last = field.Split('.')[^1];
            return Problems.Invalid([Problems.Field(field, Kinds.GetValueOrDefault(last) ?? Kinds.GetValueOrDefault(name) ?? KindOf(json), null)]);
        }

        var where = json.LineNumber is { } line ? $" at line {line + 1}, byte {json.BytePositionInLine + 1}" : "";
        return json.Message.Contains("uplicate", StringComparison.Ordinal)
            ? Problems.Of("malformed_json", $"The body names the field {(field.Length > 0 ? field : "of an object")} twice{where}.")
            : Problems.Of("malformed_json", $"The body is not valid JSON{where}; send a JSON object.");
    }

    /// <summary>What the reader says that it could not make of a value.</summary>
    private static string KindOf(JsonException json) => TypePattern().Match(json.Message).Groups["type"].Value switch
    {
        "Int32" or "Int64" => "a whole number",
        "Boolean" => "true or false",
        "DateTimeOffset" => "a time as in RFC 3339",
        "IReadOnlyList" => "a list",
        "IReadOnlyDictionary" => "an object",
        _ => "a text",
    };

    /// <summary>The path of a field of which the reader names only the object that it is in, or already the whole.</summary>
    private static string Within(string path, string name)
    {
        name = name.Length > 0 ? name : "\"\"";
        return path.Length == 0 ? name : path == name || path.EndsWith($".{name}", StringComparison.Ordinal) ? path : $"{path}.{name}";
    }

    private static Problem? OfStatus(HttpContext context, int status) => status switch
    {
        StatusCodes.Status404NotFound => Problems.Of("not_found", $"There is nothing at {context.Request.Path}."),
        StatusCodes.Status405MethodNotAllowed => Problems.Of("method_not_allowed", $"{context.Request.Path} does not answer {context.Request.Method}."),
        StatusCodes.Status413PayloadTooLarge => Problems.Of("payload_too_large", $"The body is larger than {HttpSetup.MostBodyBytes / 1024} KB."),
        StatusCodes.Status415UnsupportedMediaType => Problems.Of("unsupported_media_type", "Send the body as Content-Type: application/json."),
        _ => null,
    };

    [GeneratedRegex("^The JSON property '(?<name>.*)' could not be mapped")]
    private static partial Regex UnmappedPattern();

    /// <summary>What the reader of a resource's object says: of a field that it does not have, or that is of another kind.</summary>
    [GeneratedRegex("^(A resource has no field '(?<name>.*)'|'(?<name>.*)' of a resource is (?<rule>.*))\\.$")]
    private static partial Regex ResourcePattern();

    [GeneratedRegex("^The JSON value could not be converted to (System\\.Nullable`1\\[)?(\\w+\\.)+(?<type>\\w+)")]
    private static partial Regex TypePattern();

    [GeneratedRegex("^Failed to bind parameter \"(?<type>\\S+) (?<name>\\S+)\" from \"(?<value>.*)\"")]
    private static partial Regex ParameterPattern();

    [LoggerMessage(1101, LogLevel.Error, "{Method} {Path} failed.")]
    private static partial void LogUnexpected(ILogger log, string method, string path, Exception failure);
}
