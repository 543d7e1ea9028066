using System.Collections.Frozen;
using System.Text.Json;

namespace ProtoMesh.Contracts;

/// <summary>Every code that the service answers with, as <c>problems.json</c> lists them: loaded once, in its order.</summary>
public static class ProblemCatalogue
{
    private static readonly IReadOnlyList<ProblemKind> Kinds = Load();

    private static readonly FrozenDictionary<string, ProblemKind> ByCode = Kinds.ToFrozenDictionary(kind => kind.Code);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ProblemKind> All => Kinds;

    /// <summary>The entry for a code.</summary>
    /// <exception cref="KeyNotFoundException">The catalogue has no such code.</exception>
    public static ProblemKind Get(string code) =>
        ByCode.TryGetValue(code, out var kind) ? kind : throw new KeyNotFoundException($"problems.json has no code '{code}'.");

    /// <summary>The entry for a code, or null: a newer server may answer with codes that an older client does not know.</summary>
    public static ProblemKind? Find(string code) => ByCode.GetValueOrDefault(code);

    private static List<ProblemKind> Load()
    {
        using var file = typeof(ProblemCatalogue).Assembly.GetManifestResourceStream("problems.json")
            ?? throw new InvalidOperationException("problems.json is not embedded in this assembly.");
        return JsonSerializer.Deserialize(file, ProblemJson.Default.ListProblemKind)
            ?? throw new InvalidOperationException("problems.json is empty.");
    }
}
