using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using ProtoMesh.Contracts;

namespace ProtoMesh.Conformance.Staging;

/// <summary>An answer that the proxy gives in place of the service.</summary>
internal sealed record CannedAnswer(int Status, string? ContentType, string Body, int? RetryAfterSeconds)
{
    private const string Page = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Welcome to the guest network</h1></body></html>";

    /// <summary>Null when the service is to be asked.</summary>
    public static CannedAnswer? Of(JsonObject action)
    {
        var status = (int?)action["status"];
        var retryAfter = (int?)action["retry_after_s"];
        return action switch
        {
            _ when (string?)action["code"] is { } code => Problem(code, status, retryAfter, action["problem"] as JsonObject),
            _ when (bool?)action["html"] == true => new CannedAnswer(status ?? 200, "text/html; charset=utf-8", Page, retryAfter),
            _ when (string?)action["body"] is { } body => new CannedAnswer(status ?? 200, (string?)action["content_type"] ?? "application/json", body, retryAfter),
            _ when status is { } bare => new CannedAnswer(bare, null, "", retryAfter),
            _ => null,
        };
    }

    public async Task WriteAsync(HttpResponse response)
    {
        var bytes = Encoding.UTF8.GetBytes(Body);
        response.StatusCode = Status;
        response.ContentType = ContentType;
        response.ContentLength = bytes.Length;
        if (RetryAfterSeconds is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        await response.Body.WriteAsync(bytes);
    }

    private static CannedAnswer Problem(string code, int? status, int? retryAfter, JsonObject? members)
    {
        var kind = ProblemCatalogue.Find(code);
        var problem = new JsonObject
        {
            ["type"] = $"https://protomesh.dev/problems/{code}",
            ["title"] = kind?.Title ?? "Something that this catalogue does not know",
            ["status"] = status ?? kind?.Status ?? 500,
            ["detail"] = $"The stage says {code}.",
            ["code"] = code,
            ["retryable"] = kind?.Retryable ?? false,
            ["next_step"] = kind?.NextStep,
            ["trace_id"] = "0123456789abcdef0123456789abcdef",
        };
        foreach (var (name, value) in members ?? [])
        {
            problem[name] = value?.DeepClone();
        }

        return new CannedAnswer((int)problem["status"]!, "application/problem+json", problem.ToJsonString(), retryAfter);
    }
}
