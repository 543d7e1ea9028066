using ProtoMesh.Server.Store;
using System.Text.Json;
using ProtoMesh.Contracts.Legacy;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Locks;

namespace ProtoMesh.Server.Legacy;

/// <summary>The first version's calls, as its client sends and reads them. What they refuse is answered with HTTP 200.</summary>
internal static class LegacyEndpoints
{
    public static void MapLegacy(this IEndpointRouteBuilder routes)
    {
        var legacy = routes.MapGroup("/v1/locks").WithTags("Legacy");
        Deprecated(legacy.MapPost("/acquire", AcquireAsync).Needs(Scopes.LocksAcquire).WithName("legacyAcquireLock").Documented(LegacyDocs.Acquire).Accepts<LegacyAcquire>("application/json").Answers<LegacyLock>(200).Answers<LegacyInvalid>(422));
        Deprecated(legacy.MapPost("/release", ReleaseAsync).Needs(Scopes.LocksKeep).WithName("legacyReleaseLock").Documented(LegacyDocs.Release).Accepts<LegacyRelease>("application/json").Answers<LegacyReleased>(200).Answers<LegacyInvalid>(422));
        Deprecated(legacy.MapGet("/{lock_id}/status", StatusAsync).Needs(Scopes.LocksRead).WithName("legacyGetLockStatus").Documented(LegacyDocs.Status).Answers<LegacyStatus>(200));

        // The first version's cancel has the address of today's, so one endpoint answers both; today's is the documented one.
        routes.MapPost("/v1/locks/cancel", CancelAsync).Needs(Scopes.LocksKeep).WithTags("Locks").WithName("cancelLockByRequest").Documented(LegacyDocs.Cancel).Accepts<CancelLock>("application/json")
            .Answers<ReleasedLock>(200).Fails("validation_failed", "lock_unknown", "journal_unavailable", "agent_mismatch", "namespace_unknown");
    }

    private static async Task<IResult> AcquireAsync(HttpContext context, LegacyService service, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        var body = LegacyBody.Read(await BytesAsync(context, cancellationToken));
        var name = Resource(body, caller, out var type, out var id);
        if (caller.ActAs(Agent(body, caller, isRequired: true), out var agentId) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        var call = new LegacyAcquire
        {
            ResourceType = type,
            ResourceId = id,
            AgentId = agentId ?? "",
            Priority = (int)Math.Clamp(body.Integer("priority") ?? 5, 0, LegacyService.MostPriority),
            Ttl = (int?)body.OptionalInteger("ttl", 1, service.MostTtl(caller)),
        };
        return body.Problem ?? TypedResults.Ok(await service.AcquireAsync(call, name, caller, cancellationToken));
    }

    private static async Task<IResult> ReleaseAsync(HttpContext context, LegacyService service, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        var body = LegacyBody.Read(await BytesAsync(context, cancellationToken));
        if (caller.ActAs(Agent(body, caller, isRequired: false), out var agentId) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        var call = new LegacyRelease { LockId = body.Text("lock_id", 512), AgentId = agentId };
        if (body.Problem is { } problem)
        {
            return problem;
        }

        var (released, message) = await service.ReleaseAsync(call, caller, cancellationToken);
        return released is null ? TypedResults.Ok(new LegacyError { Message = message }) : TypedResults.Ok(released);
    }

    private static async Task<IResult> CancelAsync(HttpContext context, LegacyService legacy, LockService service, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        var bytes = await BytesAsync(context, cancellationToken);
        var body = LegacyBody.Read(bytes);
        if (!body.Has("resource_type") && !body.Has("resource_id"))
        {
            return await LockEndpoints.CancelByRequestAsync(await ParseAsync(context, bytes, cancellationToken), caller, service, cancellationToken);
        }

        var name = Resource(body, caller, out _, out _);
        return caller.ActAs(Agent(body, caller, isRequired: true), out var agentId) is { } foreign
            ? Problems.Result(foreign) : body.Problem ?? TypedResults.Ok(await legacy.CancelAsync(name, agentId ?? "", caller, cancellationToken));
    }

    private static async Task<IResult> StatusAsync(string lock_id, HttpContext context, LegacyService service, CancellationToken cancellationToken) =>
        TypedResults.Ok(await service.StatusAsync(lock_id, Caller.Of(context), cancellationToken));

    /// <summary>A key that speaks for one agent says which; otherwise the body does, as it always did.</summary>
    private static string? Agent(LegacyBody body, Caller caller, bool isRequired)
    {
        caller.ActAs(null, out var known);
        return isRequired && (known is null || body.Has("agent_id")) ? body.Text("agent_id", 128) is { Length: > 0 } text ? text : null : body.OptionalText("agent_id", 128);
    }

    private static ResourceName Resource(LegacyBody body, Caller caller, out string type, out string id)
    {
        type = body.Text("resource_type", 512);
        id = body.Text("resource_id", 512);
        if (!LegacyNames.TryResource(caller.Namespace ?? ResourceName.DefaultNamespace, type, id, out var name))
        {
            body.Refuse("resource_type", LegacyNames.TypeRule);
        }

        return name;
    }

    /// <summary>Reads as the binding of any other endpoint does, and fails like it, so that the same problems come out.</summary>
    private static async Task<CancelLock> ParseAsync(HttpContext context, byte[] bytes, CancellationToken cancellationToken)
    {
        if (bytes.Length > 0 && !context.Request.HasJsonContentType())
        {
            throw new BadHttpRequestException("The body is not JSON.", StatusCodes.Status415UnsupportedMediaType);
        }

        try
        {
            context.Request.Body = new MemoryStream(bytes);
            return (bytes.Length > 0 ? await context.Request.ReadFromJsonAsync<CancelLock>(cancellationToken) : null)
                ?? throw new BadHttpRequestException("There is no body.", StatusCodes.Status400BadRequest);
        }
        catch (JsonException failure)
        {
            throw new BadHttpRequestException("The body cannot be read.", StatusCodes.Status400BadRequest, failure);
        }
    }

    private static async Task<byte[]> BytesAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var buffer = new MemoryStream();
        await context.Request.Body.CopyToAsync(buffer, cancellationToken);
        return buffer.ToArray();
    }

    private static void Deprecated(RouteHandlerBuilder route) => route.AddOpenApiOperationTransformer((operation, _, _) =>
    {
        operation.Deprecated = true;
        return Task.CompletedTask;
    });
}
