namespace ProtoMesh.Contracts;

/// <summary>One entry of the problem catalogue.</summary>
public sealed record ProblemKind
{
    /// <summary>The stable name.</summary>
    public required string Code { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>A short sentence.</summary>
    public required string Title { get; init; }

    /// <summary>True when the same request may succeed later.</summary>
    public required bool Retryable { get; init; }

    /// <summary>What the caller can do, unless the case at hand knows better.</summary>
    public required string NextStep { get; init; }

    /// <summary>When it is answered.</summary>
    public required string Description { get; init; }

    /// <summary>The page that explains it: <c>https://protomesh.dev/problems/{code}</c>.</summary>
    public string Type => $"https://protomesh.dev/problems/{Code}";

    /// <summary>This problem with the catalogue's words; add the case's own with <c>with</c>.</summary>
    public Problem ToProblem(string? detail = null) => new()
    {
        Type = Type,
        Title = Title,
        Status = Status,
        Detail = detail,
        Code = Code,
        Retryable = Retryable,
        NextStep = NextStep,
    };
}
