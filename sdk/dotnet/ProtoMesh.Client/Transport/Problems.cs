using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Transport;

/// <summary>From the service's problems, and from answers that are none, to typed exceptions.</summary>
internal static class Problems
{
    public static MeshException ToException(Problem problem, Exception? inner = null) => problem.Code switch
    {
        "lock_held" => new LockHeldException(problem),
        "lock_timeout" => new LockTimeoutException(problem),
        "lock_ended" => new LockEndedException(problem),
        "lease_lost" => new LeaseLostException(problem),
        "token_mismatch" or "mode_conflict" or "request_id_conflict" or "not_waiting" => new LockConflictException(problem),
        "lock_unknown" or "policy_unknown" or "decision_unknown" or "key_unknown" or "namespace_unknown" or "not_found" => new NotFoundException(problem),
        "queue_full" => new QueueFullException(problem),
        "policy_denied" => new PolicyDeniedException(problem),
        "unauthorized" or "forbidden" or "agent_mismatch" => new UnauthorizedException(problem),
        "validation_failed" or "malformed_json" or "cross_partition" or "payload_too_large" or "unsupported_media_type"
            or "method_not_allowed" or "policy_invalid" or "precondition_required" or "precondition_failed" or "keys_off" => new ValidationException(problem),
        "store_recovering" or "store_unavailable" or "journal_unavailable" or "policies_unavailable" or "keys_unavailable" or "unreachable" => new UnavailableException(problem, inner),
        "internal_error" => new ServiceFailedException(problem),
        _ => new MeshException(problem, inner),
    };

    /// <summary>Reads a problem; what is not one (a proxy's page, an empty body) becomes <c>unreachable</c>.</summary>
    public static Problem Read(int status, byte[] body, Uri from, TimeSpan? retryAfter)
    {
        try
        {
            if (JsonSerializer.Deserialize(body, ProblemJson.Default.Problem) is { } problem)
            {
                return problem with { RetryAfterMs = problem.RetryAfterMs ?? (long?)retryAfter?.TotalMilliseconds };
            }
        }
        catch (JsonException)
        {
            // Not one of ours; the status is all that is known.
        }
        return Unreachable(
            string.Create(CultureInfo.InvariantCulture, $"{Origin(from)} answered {status} without a problem document; a proxy may have answered for it."),
            status, retryable: status is 408 or 425 or 429 or >= 500, retryAfter);
    }

    /// <summary>What the service answers when a request for a lease names an action that it denies.</summary>
    public static Problem Denied(PolicyDecision decision)
    {
        var problem = ProblemCatalogue.Get("policy_denied").ToProblem(decision.Reason);
        var retryAfter = decision.Reasons.Max(reason => reason.RetryAfterMs);
        return problem with
        {
            Decision = decision,
            Retryable = retryAfter is not null,
            RetryAfterMs = retryAfter,
            NextStep = decision.Approval is { } approval
                ? $"A person of the group {approval.Group} has to approve this; do other work until then."
                : problem.NextStep,
        };
    }

    public static Problem Unreachable(string detail, int status = 503, bool retryable = true, TimeSpan? retryAfter = null) => new()
    {
        Type = "https://protomesh.dev/problems/unreachable",
        Title = "The service gave no usable answer",
        Status = status,
        Detail = detail,
        Code = "unreachable",
        Retryable = retryable,
        RetryAfterMs = (long?)retryAfter?.TotalMilliseconds,
        NextStep = "Check the base URL and the network, then send the same request again.",
    };

    /// <summary>Scheme, host and port: a path may hold a resource's name, which does not belong in every log.</summary>
    public static string Origin(Uri url) => url.GetLeftPart(UriPartial.Authority);
}
