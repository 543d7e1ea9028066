using System.Globalization;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>The life of a policy: validate, keep as a version, activate, go back, compare.</summary>
internal static class PolicyEndpoints
{
    private const string NamesList = "policies";
    private const string VersionsList = "policy-versions";

    public static void MapPolicies(this IEndpointRouteBuilder routes)
    {
        routes.MapPolicyChecks();
        var policies = routes.MapGroup("/v1/policies").WithTags("Policies");
        policies.MapPost("/validate", ValidateAsync).Needs(Scopes.PoliciesRead).WithName("validatePolicy").Documented(PolicyDocs.Validate).Answers<PolicyValidation>(200).Fails("validation_failed", "policy_invalid");
        policies.MapPut("/{name}", PutAsync).Needs(Scopes.PoliciesWrite).WithName("putPolicy").Documented(PolicyDocs.Put).Answers<PolicyVersion>(200).Answers<PolicyVersion>(201)
            .Fails("validation_failed", "policy_invalid", "policies_unavailable", "namespace_unknown");
        policies.MapGet("", ListAsync).Needs(Scopes.PoliciesRead).WithName("listPolicies").Documented(PolicyDocs.List).Answers<PolicyPage>(200).Fails("validation_failed", "policies_unavailable", "namespace_unknown");
        policies.MapGet("/{name}/versions", VersionsAsync).Needs(Scopes.PoliciesRead).WithName("listPolicyVersions").Documented(PolicyDocs.Versions).Answers<PolicyVersionPage>(200)
            .Fails("validation_failed", "policy_unknown", "policies_unavailable", "namespace_unknown");
        policies.MapGet("/{name}/versions/{version}", VersionAsync).Needs(Scopes.PoliciesRead).WithName("getPolicyVersion").Documented(PolicyDocs.Version).Answers<PolicyVersion>(200)
            .Fails("validation_failed", "policy_unknown", "policies_unavailable", "namespace_unknown");
        policies.MapPost("/{name}/versions/{version}/activate", ActivateAsync).Needs(Scopes.PoliciesWrite).WithName("activatePolicy").Documented(PolicyDocs.Activate).Answers<PolicyActivation>(200)
            .Fails("validation_failed", "policy_unknown", "policy_invalid", "precondition_failed", "precondition_required", "policies_unavailable", "namespace_unknown");
        policies.MapGet("/{name}/diff", DiffAsync).Needs(Scopes.PoliciesRead).WithName("diffPolicy").Documented(PolicyDocs.Diff).Answers<PolicyDiff>(200)
            .Fails("validation_failed", "policy_unknown", "policies_unavailable", "namespace_unknown");
        routes.MapDecisions();
    }

    private static async Task<IResult> ValidateAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var (load, problem) = await PolicyRequests.PolicyAsync(context, null, cancellationToken);
        return load is not { Set: { } set, Tests: { } tests } ? Problems.Result(problem!) : TypedResults.Ok(new PolicyValidation
        {
            Valid = true,
            Name = set.Name,
            Sha256 = set.Sha256,
            Rules = set.Rules.Count,
            Warnings = [.. load.Warnings.Select(warning => new PolicyRemark { Line = warning.Line, Column = warning.Column, Message = warning.Message })],
            Tests = new PolicyTestSummary { Passed = tests.Passed, NeverHeld = tests.NeverHeld, AlwaysHeld = tests.AlwaysHeld },
        });
    }

    private static async Task<IResult> PutAsync(
        HttpContext context, string name, PolicyLife life, DatabaseChoice database, CancellationToken cancellationToken,
        string? author = null, string? comment = null, string? @namespace = null)
    {
        var errors = new List<FieldError>();
        var space = PolicyRequests.Namespace(@namespace, errors);
        author = PolicyRequests.Person("author", author, Caller.Of(context), errors);
        PolicyRequests.Comment(comment, errors);
        PolicyRequests.Require(errors, "name", PolicyRequests.IsName(name), "1 to 64 of a-z, 0-9 and -, not - at its start", name);
        PolicyRequests.Require(errors, "name", BuiltInPolicies.Named(name) is null, BuiltInPolicies.Rule, name);
        if (errors.Count > 0)
        {
            return Problems.Result(Problems.Invalid(errors));
        }

        var (load, problem) = await PolicyRequests.PolicyAsync(context, name, cancellationToken);
        return load is null ? Problems.Result(problem!) : await PolicyRequests.OrUnavailableAsync(database, async () =>
        {
            var (version, isNew) = await life.PutAsync(space, load.Set!, author, comment, cancellationToken);
            return isNew
                ? TypedResults.Created(string.Create(CultureInfo.InvariantCulture, $"/v1/policies/{name}/versions/{version.Version}?namespace={space}"), version)
                : TypedResults.Ok(version);
        });
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, PolicyLife life, DatabaseChoice database, CancellationToken cancellationToken,
        string? @namespace = null, string? page_token = null, string? limit = null)
    {
        var errors = new List<FieldError>();
        var space = PolicyRequests.Namespace(@namespace, errors);
        var most = PolicyRequests.Limit(limit, errors);
        var after = Place(NamesList, space, page_token, PolicyRequests.IsName, errors);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await PolicyRequests.OrUnavailableAsync(database, async () =>
        {
            var page = await life.ListAsync(space, after, most, last => PageTokens.Make(NamesList, $"{space} {last}"), cancellationToken);
            context.Response.Headers.ETag = PolicyRequests.ETag(page.Active.Revision);
            return TypedResults.Ok(page);
        });
    }

    private static async Task<IResult> VersionsAsync(
        string name, PolicyLife life, DatabaseChoice database, CancellationToken cancellationToken, string? @namespace = null, string? page_token = null, string? limit = null)
    {
        var errors = new List<FieldError>();
        var space = PolicyRequests.Namespace(@namespace, errors);
        var most = PolicyRequests.Limit(limit, errors);
        var before = Place(VersionsList, $"{space}/{name}", page_token, place => int.TryParse(place, NumberStyles.None, CultureInfo.InvariantCulture, out _), errors);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await PolicyRequests.OrUnavailableAsync(database, async () =>
        {
            var place = before is null ? int.MaxValue : int.Parse(before, CultureInfo.InvariantCulture);
            var page = await life.VersionsAsync(
                space, name, place, most, last => PageTokens.Make(VersionsList, string.Create(CultureInfo.InvariantCulture, $"{space}/{name} {last}")), cancellationToken);
            return page is null ? Problems.Result(PolicyRequests.Unknown(space, name)) : TypedResults.Ok(page);
        });
    }

    private static async Task<IResult> VersionAsync(
        HttpContext context, string name, string version, PolicyLife life, DatabaseChoice database, CancellationToken cancellationToken, string? @namespace = null)
    {
        var errors = new List<FieldError>();
        var space = PolicyRequests.Namespace(@namespace, errors);
        var number = PolicyRequests.Version("version", version, errors);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await PolicyRequests.OrUnavailableAsync(database, async () =>
        {
            if (await life.FindAsync(space, name, number, cancellationToken) is not { } row)
            {
                return Problems.Result(PolicyRequests.Unknown(space, name, number));
            }

            context.Response.Headers.Vary = "Accept";
            return WantsYaml(context) ? TypedResults.Text(row.Document, "application/yaml") : TypedResults.Ok(await life.ShownAsync(row, cancellationToken));
        });
    }

    private static async Task<IResult> ActivateAsync(
        HttpContext context, string name, string version, PolicyLife life, DatabaseChoice database, CancellationToken cancellationToken,
        string? by = null, string? @namespace = null)
    {
        var errors = new List<FieldError>();
        var space = PolicyRequests.Namespace(@namespace, errors);
        var number = PolicyRequests.Version("version", version, errors);
        by = PolicyRequests.Person("by", by, Caller.Of(context), errors);
        var (revision, problem) = PolicyRequests.IfMatch(context);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : problem is not null ? Problems.Result(problem)
            : await PolicyRequests.OrUnavailableAsync(database, async () =>
            {
                if (await life.FindAsync(space, name, number, cancellationToken) is not { } row)
                {
                    return Problems.Result(PolicyRequests.Unknown(space, name, number));
                }

                var (active, refusal) = await life.ActivateAsync(row, by, revision, cancellationToken);
                context.Response.Headers.ETag = active is null ? default : PolicyRequests.ETag(active.Revision);
                return refusal is null ? TypedResults.Ok(active) : Problems.Result(refusal);
            });
    }

    private static async Task<IResult> DiffAsync(
        string name, PolicyLife life, DatabaseChoice database, CancellationToken cancellationToken, string? from = null, string? to = null, string? @namespace = null)
    {
        var errors = new List<FieldError>();
        var space = PolicyRequests.Namespace(@namespace, errors);
        var (first, second) = (PolicyRequests.Version("from", from, errors), PolicyRequests.Version("to", to, errors));
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await PolicyRequests.OrUnavailableAsync(database, async () =>
            await life.FindAsync(space, name, first, cancellationToken) is not { } before ? Problems.Result(PolicyRequests.Unknown(space, name, first))
            : await life.FindAsync(space, name, second, cancellationToken) is not { } after ? Problems.Result(PolicyRequests.Unknown(space, name, second))
            : TypedResults.Ok(PolicyComparison.Of(before, after)));
    }

    /// <summary>JSON unless YAML is asked for and JSON is not liked better.</summary>
    private static bool WantsYaml(HttpContext context)
    {
        var accepted = context.Request.GetTypedHeaders().Accept;
        double Quality(params string[] types) => accepted.Where(accept => types.Contains(accept.MediaType.Value, StringComparer.OrdinalIgnoreCase)).Max(accept => (double?)(accept.Quality ?? 1)) ?? -1;
        var yaml = accepted.Count == 0 ? -1 : Quality("application/yaml", "text/yaml", "text/plain");
        return yaml > 0 && yaml > Quality("application/json", "*/*", "application/*");
    }

    /// <summary>Where a page begins; a token of another list is an error.</summary>
    private static string? Place(string list, string of, string? token, Func<string, bool> isPlace, List<FieldError> errors)
    {
        string? place = null;
        var isGood = PageTokens.TryRead(list, token, out var text)
            && (text is null || (text.StartsWith($"{of} ", StringComparison.Ordinal) && isPlace(place = text[(of.Length + 1)..])));
        PolicyRequests.Require(errors, "page_token", isGood, PageTokens.Rule, token);
        return isGood ? place : null;
    }
}
