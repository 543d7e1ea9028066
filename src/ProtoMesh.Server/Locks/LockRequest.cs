using System.Security.Cryptography;
using System.Text;

namespace ProtoMesh.Server.Locks;

/// <summary>A valid request to acquire, with every default filled in. Times are milliseconds.</summary>
/// <remarks>What is worked out of others is kept, so a request is never changed by <c>with</c>.</remarks>
internal sealed record LockRequest
{
    public required string RequestId { get; init; }

    public required IReadOnlyList<Want> Wants { get; init; }

    public required string AgentId { get; init; }

    public string SessionId { get; init; } = "";

    public required int Priority { get; init; }

    public required long TtlMs { get; init; }

    public required long WaitMs { get; init; }

    public required long MaxHoldMs { get; init; }

    public long DrainMs { get; init; }

    public string Flags { get; init; } = "";

    /// <summary>The caller chose the id, so it may be a repetition.</summary>
    public bool HasOwnId { get; init; }

    /// <summary>The approval that is used for it. Not a part of what makes it the same request: it is what was missing.</summary>
    public string? ApprovalId { get; init; }

    public LockPayload Payload { get; init; } = LockPayload.Empty;

    public bool IsJournaled => Flags.Contains(LockFlags.Journaled, StringComparison.Ordinal);

    public string Names => field ??= Wants.Count == 1 ? Wants[0].ToString() : string.Join('\u0002', Wants.Select(want => want.ToString()));

    /// <summary>Two submissions of one request id are the same request when this is the same.</summary>
    public string Digest => Wants.Count == 1 ? DigestOf(Names, AgentId, SessionId + Asked) : DigestOf(Wants, AgentId, SessionId + Asked);

    /// <summary>What a policy decides by: a request for another action is another request.</summary>
    private string Asked => Payload.Action is { } action ? $"\u0001{action}\u0001{Payload.Metadata?.GetRawText()}{(Payload.RunId is { } run ? $"\u0001{run}" : "")}" : "";

    public static string DigestOf(IEnumerable<Want> wants, string agentId, string sessionId) =>
        DigestOf(string.Join('\u0002', wants.Select(want => want.ToString()).Order(StringComparer.Ordinal)), agentId, sessionId);

    private static string DigestOf(string sortedNames, string agentId, string sessionId)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{sortedNames}\u0001{agentId}\u0001{sessionId}"), hash);
        return Convert.ToBase64String(hash[..9]);
    }
}
