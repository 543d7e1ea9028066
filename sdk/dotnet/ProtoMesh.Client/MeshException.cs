using ProtoMesh.Contracts;

namespace ProtoMesh;

/// <summary>The service said no, or could not be reached. <see cref="Code"/> says which; decide by it or by the type.</summary>
public class MeshException : Exception
{
    /// <summary>Tells of a problem.</summary>
    public MeshException(Problem problem, Exception? inner = null)
        : base(problem.Detail ?? problem.Title, inner) => Problem = problem;

    /// <summary>Everything that the service said.</summary>
    public Problem Problem { get; }

    /// <summary>The stable code, such as <c>lock_held</c>.</summary>
    public string Code => Problem.Code;

    /// <summary>The same short sentence for every problem with this code.</summary>
    public string Title => Problem.Title;

    /// <summary>The HTTP status of the answer; 503 when there was none.</summary>
    public int Status => Problem.Status;

    /// <summary>What the caller can do now.</summary>
    public string? NextStep => Problem.NextStep;

    /// <summary>True when the same request may succeed later.</summary>
    public bool Retryable => Problem.Retryable;

    /// <summary>When a retry makes sense, if the service said so.</summary>
    public TimeSpan? RetryAfter => Problem.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;

    /// <summary>Finds the request in the service's log.</summary>
    public string? TraceId => Problem.TraceId;
}
