using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Access;

/// <summary>The calls under <c>/v1/keys</c>, for admins.</summary>
internal static class KeyEndpoints
{
    private const string KeysList = "keys";

    public static void MapAccess(this IEndpointRouteBuilder routes)
    {
        routes.MapNamespaces();
        var keys = routes.MapGroup("/v1/keys").WithTags("Keys").Needs(Scopes.KeysAdmin);
        keys.MapPost("", CreateAsync).WithName("createKey").Documented(KeyDocs.Create).Answers<IssuedKey>(201).Fails("validation_failed", "namespace_unknown", "keys_off");
        keys.MapGet("", ListAsync).WithName("listKeys").Documented(KeyDocs.List).Answers<ApiKeyPage>(200).Fails("validation_failed", "namespace_unknown", "keys_off");
        keys.MapGet("/{key_id}", FindAsync).WithName("getKey").Documented(KeyDocs.Find).Answers<ApiKey>(200).Fails("validation_failed", "key_unknown", "keys_off");
        keys.MapDelete("/{key_id}", RevokeAsync).WithName("revokeKey").Documented(KeyDocs.Revoke).Answers<ApiKey>(200).Fails("validation_failed", "key_unknown", "keys_off");
        keys.MapPost("/{key_id}/rotate", RotateAsync).WithName("rotateKey").Documented(KeyDocs.Rotate).Answers<IssuedKey>(200).Fails("validation_failed", "key_unknown", "keys_off");
    }

    private static async Task<IResult> CreateAsync(
        CreateKey body, HttpContext context, KeyLife life, DatabaseChoice database, TimeProvider time, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        var errors = KeyValidator.Check(body, time.GetUtcNow());
        if (errors.Count > 0)
        {
            return Problems.Result(Problems.Invalid(errors));
        }

        // An admin of one namespace makes keys of that one alone.
        var space = body.Namespace ?? caller.Namespace ?? Store.ResourceName.DefaultNamespace;
        return caller.Namespace is { } own && own != space ? Problems.Result(Caller.UnknownNamespace(space)) : await AnswerAsync(life, database, async () =>
        {
            var issued = await life.CreateAsync(body, space, caller, cancellationToken);
            context.Response.Headers.CacheControl = "no-store";
            return TypedResults.Created($"/v1/keys/{issued.Details.KeyId}", issued);
        });
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, KeyLife life, DatabaseChoice database, CancellationToken cancellationToken, string? @namespace = null, string? page_token = null, string? limit = null)
    {
        var errors = KeyValidator.CheckList(@namespace, limit, out var most);
        var isPlace = PageTokens.TryRead(KeysList, page_token, out var after) && (after is null || KeyText.IsId(after));
        if (!isPlace)
        {
            errors.Add(Problems.Field("page_token", PageTokens.Rule, page_token));
        }

        if (errors.Count > 0)
        {
            return Problems.Result(Problems.Invalid(errors));
        }

        // The guard knows no *, so who is in one namespace is told here that there is nothing else.
        return Caller.Of(context).Namespace is { } own && @namespace != own ? Problems.Result(Caller.UnknownNamespace(@namespace!)) : await AnswerAsync(life, database, async () =>
            TypedResults.Ok(await life.ListAsync(@namespace, after, most, last => PageTokens.Make(KeysList, last), cancellationToken)));
    }

    private static Task<IResult> FindAsync(string key_id, HttpContext context, KeyLife life, DatabaseChoice database, CancellationToken cancellationToken) =>
        AnswerAsync(life, database, async () => OrUnknown(key_id, await life.FindAsync(key_id, Caller.Of(context), cancellationToken)));

    private static Task<IResult> RevokeAsync(string key_id, HttpContext context, KeyLife life, DatabaseChoice database, CancellationToken cancellationToken) =>
        AnswerAsync(life, database, async () => OrUnknown(key_id, await life.RevokeAsync(key_id, Caller.Of(context), cancellationToken)));

    private static async Task<IResult> RotateAsync(
        string key_id, RotateKey body, HttpContext context, KeyLife life, DatabaseChoice database, CancellationToken cancellationToken)
    {
        if (body.OverlapMs is < 0 or > KeyValidator.MostOverlapMs)
        {
            return Problems.Validation("overlap_ms", KeyValidator.OverlapRule, body.OverlapMs);
        }

        var overlap = TimeSpan.FromMilliseconds(body.OverlapMs ?? KeyValidator.DefaultOverlapMs);
        context.Response.Headers.CacheControl = "no-store";
        return await AnswerAsync(life, database, async () => OrUnknown(key_id, await life.RotateAsync(key_id, overlap, Caller.Of(context), cancellationToken)));
    }

    private static IResult OrUnknown<T>(string id, T? found)
        where T : class => found is null ? Problems.Result(KeyLife.Unknown(id)) : TypedResults.Ok(found);

    private static async Task<IResult> AnswerAsync(KeyLife life, DatabaseChoice database, Func<Task<IResult>> answer)
    {
        if (!life.AreOn)
        {
            return Problems.Result(Problems.Of("keys_off", "The service is open: it has no keys, and the first one is not made by a call."));
        }

        try
        {
            return await answer();
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            return Problems.Result(Problems.Of("keys_unavailable", DatabaseProblem.Sentence(problem, database)) with { RetryAfterMs = 1_000 });
        }
    }
}
