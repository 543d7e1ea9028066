using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Tests.Client;

/// <summary>Answers as the service writes them.</summary>
internal static class Answers
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    public static GrantedLock Granted(string lockId = "request-1.0", long token = 100, long expiresInMs = 30_000, long servedMs = 0) => new()
    {
        LockId = lockId,
        RequestId = lockId.Split('.')[0],
        Namespace = "default",
        Resource = "customer/123",
        Mode = LockMode.Exclusive,
        AgentId = "tester",
        Priority = 5,
        FencingToken = token,
        GrantedAt = Noon,
        ExpiresAt = Noon.AddMilliseconds(expiresInMs),
        ExpiresInMs = expiresInMs,
        ServedMs = servedMs,
        HoldEndsAt = Noon.AddHours(1),
        WaitedMs = 0,
        ChangedSinceLastHeld = null,
    };

    public static QueuedLock Queued(string lockId = "request-1.0", int position = 1) => new()
    {
        LockId = lockId,
        RequestId = lockId.Split('.')[0],
        Namespace = "default",
        Resource = "customer/123",
        Mode = LockMode.Exclusive,
        AgentId = "tester",
        Priority = 5,
        Position = position,
        QueueLength = position,
        EnqueuedAt = Noon,
        WaitEndsAt = Noon.AddSeconds(30),
        CallAgainWithinMs = 15_000,
        ServedMs = 8_000,
        BlockedBy = [new Blocker { LockId = "other.0", AgentId = "b", Mode = LockMode.Exclusive, HeldMs = 1, ExpiresInMs = 2 }],
    };

    public static RenewResult Renewed(string lockId, long expiresInMs = 30_000) => new()
    {
        LockId = lockId,
        State = LockState.Granted,
        ExpiresAt = Noon.AddMilliseconds(expiresInMs),
        ExpiresInMs = expiresInMs,
        ServedMs = 0,
        HoldEndsAt = Noon.AddHours(1),
        Waiters = new Waiters { Count = 0 },
    };

    public static Task Grant(HttpContext context, GrantedLock granted) => Json(context, 200, granted, LocksJson.Default.GrantedLock);

    public static Task Queue(HttpContext context, QueuedLock queued) => Json(context, 202, queued, LocksJson.Default.QueuedLock);

    public static Task Release(HttpContext context, string state = LockState.Released) =>
        Json(context, 200, new ReleasedLock { LockId = "request-1.0", State = state }, LocksJson.Default.ReleasedLock);

    public static Task Problem(HttpContext context, string code, Func<Problem, Problem>? change = null)
    {
        var problem = ProblemCatalogue.Get(code).ToProblem("As scripted.");
        problem = change?.Invoke(problem) ?? problem;
        return Json(context, problem.Status, problem, ProblemJson.Default.Problem);
    }

    public static async Task Json<T>(HttpContext context, int status, T body, JsonTypeInfo<T> type)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(body, type));
    }

    /// <summary>The request was read and perhaps carried out; its caller will never know.</summary>
    public static Task Reset(HttpContext context)
    {
        context.Abort();
        return Task.CompletedTask;
    }
}
