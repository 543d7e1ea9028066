using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>Stands before every endpoint: who calls, may they, and in which namespace.</summary>
internal sealed class AccessGuard(KeyRing ring)
{
    private const string NoKey =
        "This call needs a key, as Authorization: Bearer pm_…; none came, or none that is good here.";

    private const string NamespaceField = "namespace";

    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        var needed = context.GetEndpoint()?.Metadata.GetMetadata<RouteScope>()?.Scope;
        if (ring.Mode == AccessMode.Open || needed == Scopes.None)
        {
            context.Features.Set(Caller.Anybody);
            await next(context);
            return;
        }

        if (ring.Mode == AccessMode.Unknown)
        {
            await WithoutDatabaseAsync(context, needed, next);
            return;
        }

        if (ring.Check(Presented(context.Request)) is not { } key)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            await Problems.WriteAsync(context, Problems.Of("unauthorized", NoKey));
            return;
        }

        // A path or a method that does not exist needs a key to learn so, and no scope.
        if (needed is { } scope && !key.May.HasFlag(scope))
        {
            await Problems.WriteAsync(context, Problems.Of(
                "forbidden", $"This call needs the scope {Roles.Name(scope)}, which the role {key.Role} does not have; {string.Join(", ", Roles.With(scope))} {(Roles.With(scope).Count() == 1 ? "has" : "have")} it."));
            return;
        }

        context.Features.Set(new Caller(key));
        if (Confine(context, key) is { } foreign)
        {
            await Problems.WriteAsync(context, Caller.UnknownNamespace(foreign));
            return;
        }

        await next(context);
    }

    /// <summary>Whether there are keys is not known, so nothing is served; health tells this machine why.</summary>
    private async Task WithoutDatabaseAsync(HttpContext context, Scopes? needed, RequestDelegate next)
    {
        if (needed == Scopes.HealthRead && context.Connection.RemoteIpAddress is { } from && System.Net.IPAddress.IsLoopback(from))
        {
            context.Features.Set(Caller.Anybody);
            await next(context);
            return;
        }

        await Problems.WriteAsync(context, Problems.Of("keys_unavailable", ring.NotLoadedBecause) with { RetryAfterMs = 1_000 });
    }

    /// <summary>
    /// Puts the key's namespace into the query of a call that takes one, so that no list can forget it. Returns the name of
    /// another namespace that the query asks for.
    /// </summary>
    private static string? Confine(HttpContext context, AccessKey key)
    {
        if (key.Namespace is not { } own || !QueryParameters.Takes(context, NamespaceField))
        {
            return null;
        }

        var named = context.Request.Query[NamespaceField];
        if (named.Count == 0)
        {
            context.Request.QueryString = context.Request.QueryString.Add(NamespaceField, own);
        }

        // What is no namespace at all is refused by the call itself, with its rule.
        return named.FirstOrDefault(name => name != own && name is not null && ResourceName.IsNamespace(name));
    }

    private static ReadOnlySpan<char> Presented(HttpRequest request)
    {
        const string Scheme = "Bearer ";
        var authorization = request.Headers.Authorization;
        if (authorization is [{ } text] && text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return text.AsSpan(Scheme.Length).Trim(' ');
        }

        return request.Headers["X-Api-Key"] is [{ } own] ? own : [];
    }
}
