using ProtoMesh.Contracts;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

/// <summary>What every refusal must look like, whoever caused it.</summary>
internal static class Refusals
{
    private static readonly string[] Innards = ["user_script", ".lua", "traceback", "   at ProtoMesh", "System.", "Exception", "redis.call", "NOSCRIPT", "SQLite Error"];

    public static void IsProper(HttpAnswer answer, string request)
    {
        Assert.True(answer.Status is >= 400 and not 500, $"{request}: {answer}");
        Assert.True(answer.MediaType == "application/problem+json", $"{request}: {answer}");
        var kind = ProblemCatalogue.Find(answer.Code!);
        Assert.True(kind?.Status == answer.Status, $"{request}: the catalogue says otherwise: {answer}");
        Assert.True(!string.IsNullOrEmpty((string?)answer.Body["next_step"]) && !string.IsNullOrEmpty((string?)answer.Body["detail"]), $"{request}: {answer}");
        Assert.True((string?)answer.Body["type"] == kind!.Type && answer.Body["trace_id"] is not null, $"{request}: {answer}");
        Assert.True(answer.Headers.Contains("ProtoMesh-Version"), $"{request}: no version");
        foreach (var word in Innards)
        {
            Assert.False(answer.Text.Contains(word, StringComparison.Ordinal), $"{request} tells of the inside ({word}): {answer}");
        }

        if (answer.Code == "validation_failed")
        {
            Assert.True(
                answer.Body["errors"]!.AsArray() is { Count: > 0 } errors && errors.All(error => (string)error!["field"]! != "" && (string)error["rule"]! != ""),
                $"{request}: no field is named: {answer}");
        }
    }

    /// <summary>That a field is named, with a rule.</summary>
    public static void Names(HttpAnswer answer, string field, string request)
    {
        IsProper(answer, request);
        Assert.True(
            answer.Code == "validation_failed" && answer.Body["errors"]!.AsArray().Any(error => (string)error!["field"]! == field),
            $"{request} should be refused because of {field}: {answer}");
    }
}
