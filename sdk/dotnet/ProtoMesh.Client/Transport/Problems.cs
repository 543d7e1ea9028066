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
        "lock_unknown" or "policy_unknown" or "decision_unknown" or "key_unknown" or "namespace_unknown" or "budget_unknown" or "reservation_unknown" or "not_found" => new NotFoundException(problem),
        "budget_exceeded" => new BudgetExceededException(problem),
        "reservation_conflict" or "reservation_settled" => new ConflictException(problem),
        "queue_full" => new QueueFullException(problem),
        "policy_denied" when problem.Decision?.Decision == PolicyVerdict.RequireApproval => new ApprovalRequiredException(problem),
        "policy_denied" => new PolicyDeniedException(problem),
        "unauthorized" or "forbidden" or "agent_mismatch" => new UnauthorizedException(problem),
        "validation_failed" or "malformed_json" or "cross_partition" or "payload_too_large" or "unsupported_media_type"
            or "method_not_allowed" or "policy_invalid" or "precondition_required" or "precondition_failed" or "keys_off" or "model_unpriced" => new ValidationException(problem),
        "store_recovering" or "store_unavailable" or "journal_unavailable" or "policies_unavailable" or "keys_unavailable" or "unreachable" => new UnavailableException(problem, inner),
        "internal_error" => new ServiceFailedException(problem),
        "not_protomesh" or "version_mismatch" => new ProtocolException(problem, inner),
        _ => ByStatus(problem, inner),
    };

    /// <summary>
    /// Reads a problem. What is none was not written by the service: where a retry may reach it, it counts as not reached,
    /// and otherwise something else answers at this address.
    /// </summary>
    public static Problem Read(int status, byte[] body, Uri from, string? mediaType, TimeSpan? retryAfter)
    {
        if (ParseProblem(body) is { } problem)
        {
            return problem with { RetryAfterMs = problem.RetryAfterMs ?? (long?)retryAfter?.TotalMilliseconds };
        }
        return status switch
        {
            401 or 403 => Unauthorized(from, status),
            408 or 425 or 429 or >= 500 => Unreachable(
                string.Create(CultureInfo.InvariantCulture, $"{Origin(from)} answered {status} without a problem document; a proxy may have answered for it."),
                status, retryable: true, retryAfter),
            _ => NotProtoMesh(from, status, mediaType),
        };
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

    /// <summary>Several answers mean that a lease is gone; to its holder they are one, <see cref="Lost"/>.</summary>
    public static bool MeansLoss(Problem problem) => problem.Code is "lease_lost" or "lock_unknown" or "lock_ended" or "token_mismatch";

    public static Problem Lost(string lockId, Problem problem) => problem.Code == "lease_lost" ? problem
        : ProblemCatalogue.Get("lease_lost").ToProblem(problem.Detail) with
        {
            LockId = lockId,
            State = problem.State,
            EndedBecause = problem.EndedBecause,
            LostAt = problem.LostAt,
            TraceId = problem.TraceId,
        };

    public static Problem Unreachable(string detail, int status = 503, bool retryable = true, TimeSpan? retryAfter = null) =>
        Own("unreachable", "The service gave no usable answer", status, detail, "Check the base URL and the network, then send the same request again.") with
        {
            Retryable = retryable,
            RetryAfterMs = (long?)retryAfter?.TotalMilliseconds,
        };

    public static Problem Closed() => Unreachable("This client was disposed.", retryable: false) with { NextStep = "Make a new client." };

    /// <summary>The target's origin alone: the rest may hold what does not belong in a log.</summary>
    public static Problem Redirected(Uri from, int status, Uri? location) => Own(
        "not_protomesh", "The answer is not one of a ProtoMesh service", status,
        $"{Origin(from)} answered with a redirect to {(Target(from, location) is { } target ? Origin(target) : "an unnamed place")}, which is not followed: is this a ProtoMesh service? Check the base URL.",
        "Check the base URL.");

    public static Problem NotProtoMesh(Uri from, int status, string? mediaType) => Own(
        "not_protomesh", "The answer is not one of a ProtoMesh service", status,
        mediaType is null or "application/json" or "application/problem+json"
            ? string.Create(CultureInfo.InvariantCulture, $"{Origin(from)} answered {status} with something else than the JSON of this call: is this a ProtoMesh service? Check the base URL.")
            : $"{Origin(from)} answered {mediaType} instead of JSON: is this a ProtoMesh service? Check the base URL.",
        "Check the base URL.");

    public static Problem VersionMismatch(Uri from, int status, string theirs, string ours) => Own(
        "version_mismatch", "The service is of another major version", status,
        $"{Origin(from)} is ProtoMesh {theirs}, and this client is for {ours}.",
        "Use a client of the service's major version.");

    /// <summary>Scheme, host and port: a path may hold a resource's name, which does not belong in every log.</summary>
    public static string Origin(Uri url) => url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);

    private static Uri? Target(Uri from, Uri? location) => location is not null && Uri.TryCreate(from, location, out var target) ? target : null;

    private static MeshException ByStatus(Problem problem, Exception? inner) => problem.Status switch
    {
        401 or 403 => new UnauthorizedException(problem),
        429 => new RateLimitedException(problem),
        _ => new MeshException(problem, inner),
    };

    private static Problem? ParseProblem(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, ProblemJson.Default.Problem);
        }
        catch (JsonException)
        {
            // Not one of ours; the status is all that is known.
            return null;
        }
    }

    private static Problem Unauthorized(Uri from, int status) => Own(
        status == 401 ? "unauthorized" : "forbidden", "The caller is not let in", status,
        string.Create(CultureInfo.InvariantCulture, $"{Origin(from)} answered {status} without a problem document: the API key is missing or wrong, or a proxy keeps this caller out."),
        "Set ApiKey or PROTOMESH_API_KEY, and check the base URL.");

    private static Problem Own(string code, string title, int status, string detail, string nextStep) => new()
    {
        Type = $"https://protomesh.dev/problems/{code}",
        Title = title,
        Status = status,
        Detail = detail,
        Code = code,
        Retryable = false,
        NextStep = nextStep,
    };
}
