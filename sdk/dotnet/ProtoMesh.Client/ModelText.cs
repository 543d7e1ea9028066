using System.Globalization;
using ProtoMesh.Contracts;

namespace ProtoMesh;

/// <summary>What a language model is told in place of an action's result. The words are the same in every language's client.</summary>
internal static class ModelText
{
    public static string Denied(string action, Problem problem)
    {
        var changes = (problem.Decision?.Reasons ?? []).SelectMany(reason => reason.ToChange ?? []).Distinct().ToList();
        return Join(
            $"Not done: {action}.",
            Sentence(problem.Detail ?? problem.Title),
            changes.Count == 0 ? null : $"It would be allowed with: {string.Join("; ", changes)}.",
            problem.NextStep,
            problem.RetryAfterMs is { } ms ? string.Create(CultureInfo.InvariantCulture, $"Try again in about {(ms + 999) / 1000} s.") : null);
    }

    public static string Lost(string action, Problem problem) =>
        Join($"{action} may be half done: {Sentence(problem.Detail ?? problem.Title)}", problem.NextStep);

    private static string Sentence(string text) => text.EndsWith('.') ? text : text + ".";

    private static string Join(params string?[] parts) => string.Join(' ', parts.Where(part => !string.IsNullOrEmpty(part)));
}
