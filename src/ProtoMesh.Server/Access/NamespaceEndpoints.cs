using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>The calls under <c>/v1/namespaces</c>. A namespace is there because somebody names it; these say what holds in it.</summary>
internal static class NamespaceEndpoints
{
    private const string NamespacesList = "namespaces";
    private const string MissingIfMatch = "If-Match is missing: a change replaces all settings of the namespace, so it has to say which.";
    private const string IfMatchRule = "the ETag of getNamespace, in its quotes, or *";

    public static void MapNamespaces(this IEndpointRouteBuilder routes)
    {
        var namespaces = routes.MapGroup("/v1/namespaces").WithTags("Namespaces");
        namespaces.MapGet("", ListAsync).Needs(Scopes.NamespacesRead).WithName("listNamespaces").Documented(NamespaceDocs.List).Answers<NamespacePage>(200)
            .Fails("validation_failed", "namespace_unknown", "namespaces_unavailable");
        namespaces.MapGet("/{namespace}", GetAsync).Needs(Scopes.NamespacesRead).WithName("getNamespace").Documented(NamespaceDocs.Get).Answers<NamespaceSettings>(200)
            .Fails("validation_failed", "namespace_unknown", "namespaces_unavailable");
        namespaces.MapPut("/{namespace}", PutAsync).Needs(Scopes.NamespacesAdmin).WithName("putNamespace").Documented(NamespaceDocs.Put).Answers<NamespaceSettings>(200)
            .Fails("validation_failed", "namespace_unknown", "forbidden", "precondition_failed", "precondition_required", "namespaces_unavailable");
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, NamespaceLife life, DatabaseChoice database, CancellationToken cancellationToken, string? page_token = null, string? limit = null)
    {
        var errors = KeyValidator.CheckList(null, limit, out var most);
        if (!PageTokens.TryRead(NamespacesList, page_token, out var after) || (after is not null && !ResourceName.IsNamespace(after)))
        {
            errors.Add(Problems.Field("page_token", PageTokens.Rule, page_token));
        }

        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await OrUnavailableAsync(database, async () =>
            TypedResults.Ok(await life.ListAsync(Caller.Of(context).Namespace, after, most, last => PageTokens.Make(NamespacesList, last), cancellationToken)));
    }

    private static async Task<IResult> GetAsync(string @namespace, HttpContext context, NamespaceLife life, DatabaseChoice database, CancellationToken cancellationToken)
    {
        if (!ResourceName.IsNamespace(@namespace))
        {
            return Problems.Validation("namespace", ResourceName.NamespaceRule, @namespace);
        }

        return !Caller.Of(context).IsIn(@namespace) ? Problems.Result(Caller.UnknownNamespace(@namespace))
            : await OrUnavailableAsync(database, async () => Answer(context, await life.FindAsync(@namespace, cancellationToken)));
    }

    private static async Task<IResult> PutAsync(
        string @namespace, PutNamespace body, HttpContext context, NamespaceLife life, DatabaseChoice database, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        if (caller.Enter(@namespace, out _) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        var errors = NamespaceValidator.Check(@namespace, body);
        var (revision, problem) = Revisions.IfMatch(context, MissingIfMatch, IfMatchRule);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : problem is not null ? Problems.Result(problem)
            : await OrUnavailableAsync(database, async () =>
            {
                var (settings, refusal) = await life.PutAsync(@namespace, body, caller, revision, cancellationToken);
                return settings is null ? Problems.Result(refusal!) : Answer(context, settings);
            });
    }

    private static IResult Answer(HttpContext context, NamespaceSettings settings)
    {
        context.Response.Headers.ETag = Revisions.ETag(settings.Revision);
        return TypedResults.Ok(settings);
    }

    private static async Task<IResult> OrUnavailableAsync(DatabaseChoice database, Func<Task<IResult>> answer)
    {
        try
        {
            return await answer();
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            return Problems.Result(Problems.Of("namespaces_unavailable", DatabaseProblem.Sentence(problem, database)) with { RetryAfterMs = 1_000 });
        }
    }
}
