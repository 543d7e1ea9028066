using System.Globalization;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>Stands before every endpoint: who calls, may they, and in which namespace.</summary>
internal sealed class AccessGuard(KeyRing ring, NamespaceBook namespaces, RateGate rates)
{
    private const string NoKey =
        "This call needs a key, as Authorization: Bearer pm_…; none came, or none that is good here.";

    private const string NamespaceField = "namespace";

    /// <summary>What proxies say of whom they speak for.</summary>
    private static readonly string[] Forwarding = ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"];

    /// <summary>Whoever came while the service was open is nobody once it is not.</summary>
    private readonly Caller _anybody = new(null, null, ring);

    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        var needed = context.GetEndpoint()?.Metadata.GetMetadata<RouteScope>()?.Scope;
        if (ring.Mode == AccessMode.Open || needed == Scopes.None)
        {
            context.Features.Set(_anybody);
            await next(context);
            return;
        }

        if (ring.Mode == AccessMode.Unknown)
        {
            await WithoutDatabaseAsync(context, needed, next);
            return;
        }

        if (ring.Check(Presented(context.Request), out var proof) is not { } key)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            await Problems.WriteAsync(context, Problems.Of("unauthorized", NoKey));
            return;
        }

        if (key.Namespace is { } space && namespaces.Of(space).Rate is { } rule && await IsOverAsync(context, space, rule))
        {
            return;
        }

        // A path or a method that does not exist needs a key to learn so, and no scope.
        if (needed is { } scope && !key.May.HasFlag(scope))
        {
            await Problems.WriteAsync(context, Problems.Of(
                "forbidden", $"This call needs the scope {Roles.Name(scope)}, which the role {key.Role} does not have; {string.Join(", ", Roles.With(scope))} {(Roles.With(scope).Count() == 1 ? "has" : "have")} it."));
            return;
        }

        context.Features.Set(new Caller(key, proof));
        if (Confine(context, key) is { } foreign)
        {
            await Problems.WriteAsync(context, Caller.UnknownNamespace(foreign));
            return;
        }

        await next(context);
    }

    /// <summary>Counts the call, tells what is left, and answers it when there is nothing. Headers as draft-ietf-httpapi-ratelimit-headers has them.</summary>
    private async ValueTask<bool> IsOverAsync(HttpContext context, string space, RateRule rule)
    {
        if (await rates.TakeAsync(space, rule, context.RequestAborted) is not { } verdict)
        {
            return false;
        }

        var full = (rule.Burst - verdict.Left + rule.PerSecond - 1) / rule.PerSecond;
        var headers = context.Response.Headers;
        headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"namespace\";q={rule.Burst};w={(rule.Burst + rule.PerSecond - 1) / rule.PerSecond}");
        headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"\"namespace\";r={verdict.Left};t={Math.Max(0, full)}");
        if (verdict.IsIn)
        {
            return false;
        }

        await Problems.WriteAsync(context, Problems.Of("rate_limited", $"The namespace {space} may make {rule.PerSecond} calls a second, and {rule.Burst} at once; it has made them.") with
        {
            RetryAfterMs = verdict.RetryAfterMs, Limit = "requests_per_second", LimitValue = rule.PerSecond,
        });
        return true;
    }

    /// <summary>
    /// Whether there are keys is not known, so nothing is served; health tells this machine why. Nobody has said who he is,
    /// so what the database is and where is told to nobody else, nor through a proxy, for which all callers are of this machine.
    /// </summary>
    private async Task WithoutDatabaseAsync(HttpContext context, Scopes? needed, RequestDelegate next)
    {
        var isHere = context.Connection.RemoteIpAddress is { } from && System.Net.IPAddress.IsLoopback(from) && !Forwarding.Any(context.Request.Headers.ContainsKey);
        if (needed == Scopes.HealthRead && isHere)
        {
            context.Features.Set(Caller.Anybody);
            await next(context);
            return;
        }

        await Problems.WriteAsync(context, Problems.Of("keys_unavailable", isHere ? ring.NotLoadedBecause : "The keys have not been read from the database yet.") with { RetryAfterMs = 1_000 });
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
