using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh;

/// <summary>Why a guarded action was not done, as a value: for a program by its code, for a model by its text.</summary>
public sealed record Denial
{
    internal Denial(string action, Problem problem)
    {
        Problem = problem;
        Text = ModelText.Denied(action, problem);
    }

    /// <summary>The stable code, such as <c>lock_timeout</c> or <c>policy_denied</c>.</summary>
    public string Code => Problem.Code;

    /// <summary>What a model reads instead of the action's result: what was not done, why, and what would change that.</summary>
    public string Text { get; }

    /// <summary>True when the same action may succeed later.</summary>
    public bool Retryable => Problem.Retryable;

    /// <summary>When another try makes sense, if the service said so.</summary>
    public TimeSpan? RetryAfter => Problem.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;

    /// <summary>What the policy said, if it was the policy that denied.</summary>
    public PolicyDecision? Decision => Problem.Decision;

    /// <summary>Who has to approve the action, and until when they can; null when no people are asked.</summary>
    public PolicyApproval? Approval => Decision?.Approval;

    /// <summary>Everything that is known of it.</summary>
    public Problem Problem { get; }
}
