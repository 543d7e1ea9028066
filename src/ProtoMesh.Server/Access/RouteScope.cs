namespace ProtoMesh.Server.Access;

/// <summary>What a route needs; <see cref="Scopes.None"/> for one that needs no key. Metadata of the endpoint.</summary>
internal sealed record RouteScope(Scopes Scope);

internal static class RouteScopes
{
    /// <summary>Who calls it has to have this scope.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder route, Scopes scope)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new RouteScope(scope));

    /// <summary>It tells nothing that a stranger must not know.</summary>
    public static TBuilder NeedsNoKey<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder => route.Needs(Scopes.None);

    /// <summary>Deny by default: a route that does not say what it needs is a mistake, and is found before it serves.</summary>
    /// <exception cref="InvalidOperationException">A route declares no scope.</exception>
    public static void CheckScopes(this IEndpointRouteBuilder routes)
    {
        var without = routes.DataSources.SelectMany(source => source.Endpoints).FirstOrDefault(endpoint => endpoint.Metadata.GetMetadata<RouteScope>() is null);
        if (without is not null)
        {
            throw new InvalidOperationException($"The route {without.DisplayName} declares no scope; say what it needs by .Needs(…) or .NeedsNoKey().");
        }
    }
}
