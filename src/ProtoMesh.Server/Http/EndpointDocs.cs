using ProtoMesh.Contracts;

namespace ProtoMesh.Server.Http;

/// <summary>What an endpoint answers, for the OpenAPI document.</summary>
internal static class EndpointDocs
{
    public static RouteHandlerBuilder Answers<T>(this RouteHandlerBuilder route, int status) => route.Produces<T>(status, "application/json");

    /// <summary>The codes with which it fails, besides those that every call may answer.</summary>
    public static RouteHandlerBuilder Fails(this RouteHandlerBuilder route, params string[] codes)
    {
        foreach (var status in codes.Select(code => ProblemCatalogue.Get(code).Status).Distinct())
        {
            route.Produces<Problem>(status, "application/problem+json");
        }

        return route.WithMetadata(new ProblemCodes(codes));
    }

    public static RouteHandlerBuilder Documented(this RouteHandlerBuilder route, OperationDoc doc) => route.WithMetadata(doc);
}

/// <summary>The catalogue's codes that an endpoint answers.</summary>
internal sealed record ProblemCodes(IReadOnlyList<string> Codes);
