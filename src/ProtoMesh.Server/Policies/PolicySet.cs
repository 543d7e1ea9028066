using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Policies.Documents;

namespace ProtoMesh.Server.Policies;

/// <summary>A policy document, read, checked and compiled. It never changes.</summary>
internal sealed class PolicySet
{
    /// <summary>How many actions' plans are kept; callers choose the names, so it has to end somewhere.</summary>
    private const int MostPlans = 1_024;
    private readonly ConcurrentDictionary<string, PolicyPlan> _plans = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, CelProgram?> _conditions = new(StringComparer.Ordinal);
    private int _planCount;

    public required string Name { get; init; }

    /// <summary>SHA-256 of the document's UTF-8, lower-case hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>The document as it was written.</summary>
    public required string Source { get; init; }

    /// <summary>In the document's order.</summary>
    public required IReadOnlyList<PolicyRule> Rules { get; init; }

    /// <summary>What holds when no rule allows or denies.</summary>
    public required bool AllowsByDefault { get; init; }

    /// <summary>True when the document as a whole is only tried out.</summary>
    public required bool IsAudit { get; init; }

    public required MetadataSchema Metadata { get; init; }

    public required CelValue Params { get; init; }

    public required IReadOnlyList<TestSource> Tests { get; init; }

    /// <summary>In the document's order.</summary>
    public IReadOnlyList<PolicyBudget> Budgets { get; init; } = [];

    /// <summary>What expressions may name.</summary>
    public required CelEnvironment Environment { get; init; }

    /// <summary>Reads a document, compiles it, looks for what is probably not meant, and runs its tests; never throws.</summary>
    public static PolicyLoad Load(string source)
    {
        var errors = new List<PolicyIssue>();
        var document = DocumentReader.Read(source, errors);
        var set = document is null ? null : PolicyCompiler.Compile(document, source, DigestOf(source), errors);
        if (set is null || errors.Count > 0)
        {
            return new PolicyLoad(null, [.. errors.OrderBy(error => (error.Line, error.Column))], [], null);
        }

        var tests = PolicyTester.Run(set, errors);
        var warnings = PolicyLint.Look(set);
        return new PolicyLoad(errors.Count == 0 && tests.Failed.Count == 0 ? set : null, errors, warnings, tests);
    }

    /// <summary>The rules about an action, sorted by what they do.</summary>
    public PolicyPlan PlanFor(string action)
    {
        if (_plans.TryGetValue(action, out var known))
        {
            return known;
        }

        var plan = new PolicyPlan(Rules.Where(rule => rule.IsAbout(action)));
        if (Volatile.Read(ref _planCount) < MostPlans && _plans.TryAdd(action, plan))
        {
            Interlocked.Increment(ref _planCount);
        }

        return plan;
    }

    /// <summary>A condition that is not of the document; null when it does not fit what the document declares.</summary>
    public CelProgram? ConditionOf(string source)
    {
        if (_conditions.TryGetValue(source, out var known))
        {
            return known;
        }

        var program = Environment.Compile(source, CelType.Bool, out _);
        if (_conditions.Count < MostPlans)
        {
            _conditions.TryAdd(source, program);
        }

        return program;
    }

    public static string DigestOf(string source) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source)));
}
