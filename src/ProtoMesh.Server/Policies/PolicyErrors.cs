using ProtoMesh.Contracts;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>What is wrong with a document, for a log, for an operator at start, and for a caller.</summary>
internal static class PolicyErrors
{
    /// <summary>Every error, or every test that fails, each as <c>file:line:column message</c>.</summary>
    public static IEnumerable<string> Lines(PolicyLoad load, string file) => Of(load).Select(issue => $"{issue.At(file)} {issue.Message}");

    /// <summary>All of them on one line.</summary>
    public static string Sentence(PolicyLoad load, string file) => string.Join("; ", Lines(load, file)) + ".";

    /// <param name="load">A load without a set.</param>
    /// <param name="file">The name that positions begin with; null when it is not known.</param>
    public static Problem Problem(PolicyLoad load, string? file)
    {
        var errors = Of(load).Select(issue => Problems.Field(file is null ? issue.At("")[1..] : issue.At(file), issue.Message, null)).ToList();
        var what = load.Errors.Count > 0 ? errors.Count == 1 ? "has an error" : $"has {errors.Count} errors" : errors.Count == 1 ? "fails one of its tests" : $"fails {errors.Count} of its tests";
        return Problems.Of("policy_invalid", $"The document {what}; the first is at {errors[0].Field}: {errors[0].Rule}.") with { Errors = errors };
    }

    private static IEnumerable<PolicyIssue> Of(PolicyLoad load) => load.Errors.Count > 0
        ? load.Errors : (load.Tests?.Failed ?? []).Select(test => new PolicyIssue(test.Line, test.Column, $"the test '{test.Name}' {test.Message}"));
}
