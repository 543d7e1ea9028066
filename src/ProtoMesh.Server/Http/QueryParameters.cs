using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.AspNetCore.Routing;
using ProtoMesh.Contracts;

namespace ProtoMesh.Server.Http;

/// <summary>Refuses what a call does not read from its query: a misspelt filter must not answer as if there were none.</summary>
/// <remarks>For the calls that answer problems; the first version's calls ignore what they do not know, as they always did.</remarks>
internal static class QueryParameters
{
    private static readonly ConcurrentDictionary<MethodInfo, string[]> KnownOf = new();

    /// <summary>Stands before the endpoints, and behind whatever asks who calls.</summary>
    public static void UseQueryParameters(this WebApplication app) => app.Use(async (context, next) =>
    {
        if (Unknown(context) is { } unknown)
        {
            await Problems.WriteAsync(context, unknown);
            return;
        }

        await next(context);
    });

    /// <summary>Whether the endpoint of a request reads this parameter.</summary>
    public static bool Takes(HttpContext context, string parameter) =>
        context.GetEndpoint() is RouteEndpoint endpoint && endpoint.Metadata.GetMetadata<MethodInfo>() is { } method && Of(endpoint, method).Contains(parameter, StringComparer.Ordinal);

    /// <summary>The problem of a request that names parameters which its call does not have; null for any other.</summary>
    private static Problem? Unknown(HttpContext context)
    {
        if (!context.Request.QueryString.HasValue || context.GetEndpoint() is not RouteEndpoint endpoint
            || endpoint.Metadata.GetMetadata<ProblemCodes>() is null || endpoint.Metadata.GetMetadata<MethodInfo>() is not { } method)
        {
            return null;
        }

        var known = Of(endpoint, method);
        var rule = known.Length == 0 ? "no such parameter; this call has none" : $"no such parameter; this call has {string.Join(", ", known)}";
        var errors = context.Request.Query
            .Where(given => !known.Contains(given.Key, StringComparer.Ordinal))
            .Select(given => Problems.Field(given.Key.Length > 0 ? given.Key : "\"\"", rule, given.Value.ToString())).ToArray();
        return errors.Length > 0 ? Problems.Invalid(errors) : null;
    }

    private static string[] Of(RouteEndpoint endpoint, MethodInfo method) =>
        KnownOf.GetOrAdd(method, static (method, endpoint) => Read(method, endpoint.RoutePattern.Parameters.Select(part => part.Name)), endpoint);

    /// <summary>What is bound from the query: the texts and flags that are no part of the path.</summary>
    private static string[] Read(MethodInfo method, IEnumerable<string> path) =>
        [.. method.GetParameters()
            .Where(parameter => parameter.ParameterType == typeof(string) || parameter.ParameterType == typeof(bool))
            .Select(parameter => parameter.Name!)
            .Except(path, StringComparer.OrdinalIgnoreCase)
            .Order(StringComparer.Ordinal)];
}
