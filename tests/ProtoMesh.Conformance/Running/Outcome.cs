using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Running;

/// <summary>How an op ended: with a result or with an error.</summary>
internal sealed record Outcome(Result? Result, Exception? Fault)
{
    /// <summary>Null when it is what was expected.</summary>
    public string? Difference(JsonNode? expected) => expected switch
    {
        JsonObject expectation when expectation.ContainsKey("error") => Fault is null
            ? $"an error was expected, and it gave {Result?.Value?.ToJsonString() ?? "nothing"}"
            : Pattern.Difference(expectation["error"], Wire.Of(Fault), "the error"),
        _ when Fault is not null => $"it failed with {Wire.Of(Fault).ToJsonString()}",
        JsonObject expectation when expectation.ContainsKey("null") => Pattern.Difference(null, Result?.Value),
        JsonObject expectation => Pattern.Difference(expectation["value"], Result?.Value),
        _ => null,
    };

    /// <summary>For counting: <c>ok</c>, <c>null</c> of a try, or the error's code.</summary>
    public string Word(string? op) => Fault is not null ? (string)Wire.Of(Fault)["code"]! : op == "try_acquire" && Result?.Value is null ? "null" : "ok";
}
