using System.Globalization;
using System.Net.Mime;
using System.Text;
using Microsoft.Net.Http.Headers;
using ProtoMesh.Contracts;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Policies.Documents;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>Reads and checks what the calls about policies and decisions are given.</summary>
internal static class PolicyRequests
{
    public const string IfMatchRule = "the ETag of listPolicies, in its quotes, or *";
    public const string ApprovalIdRule = "the approval_id of an approval, 1 to 64 of A-Z, a-z, 0-9, _ and -";
    private const string CommentRule = "1 to 500 bytes without control characters";
    private const int DefaultLimit = 100;
    private const int MostEntries = 1_000;

    /// <summary>What a document may come as; JSON is YAML.</summary>
    private static readonly string[] MediaTypes = ["application/yaml", "text/yaml", MediaTypeNames.Text.Plain, MediaTypeNames.Application.Json];

    /// <summary>The document that a request carries, or why it cannot be read.</summary>
    public static async Task<(string? Document, Problem? Problem)> DocumentAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type) || !MediaTypes.Contains(type.MediaType.Value, StringComparer.OrdinalIgnoreCase)
            || (type.Charset.HasValue && !type.Charset.Value!.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            return (null, Problems.Of("unsupported_media_type", $"Send the document as one of {string.Join(", ", MediaTypes)}, in UTF-8.") with
            {
                NextStep = "Send Content-Type: application/yaml.",
            });
        }

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, cancellationToken);
        return PolicyText.Read(body.GetBuffer().AsSpan(0, (int)body.Length)) is { } text
            ? (text, null) : (null, Problems.Invalid([Problems.Field("document", "UTF-8 text without NUL", null)]));
    }

    /// <summary>The document's policy, or a problem with all that is wrong with it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="name">The name that it has to have; null for any.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<(PolicyLoad? Load, Problem? Problem)> PolicyAsync(HttpContext context, string? name, CancellationToken cancellationToken)
    {
        var (document, problem) = await DocumentAsync(context, cancellationToken);
        if (document is null)
        {
            return (null, problem);
        }

        var load = PolicySet.Load(document);
        if (load.Set is null)
        {
            return (null, PolicyErrors.Problem(load, name is null ? null : $"{name}.yaml"));
        }

        return name is null || load.Set.Name == name
            ? (load, null) : (null, Problems.Invalid([Problems.Field("name", $"the name that the document has, which is {load.Set.Name}", name)]));
    }

    public static string Namespace(string? space, List<FieldError> errors)
    {
        Require(errors, "namespace", space is null || ResourceName.IsNamespace(space), ResourceName.NamespaceRule, space);
        return space ?? ResourceName.DefaultNamespace;
    }

    /// <summary>Who wants a change: the caller's key when it has one, for which nobody else can be named.</summary>
    public static string? Person(string field, string? text, Caller caller, List<FieldError> errors)
    {
        Require(errors, field, text is null || caller.Name is null || text == caller.Name, $"{caller.Name}, which the key says; leave it out", text);
        Require(errors, field, text is null || IsText(text, 128), CheckValidator.TextRule, text);
        Require(errors, field, text != PolicyFile.By, $"any name but {PolicyFile.By}, which stands for the file of Policies:File", text);
        return caller.Name ?? text;
    }

    public static void Comment(string? text, List<FieldError> errors) => Require(errors, "comment", text is null || IsText(text, 500), CommentRule, text);

    /// <summary>A version's number; 0 with an error.</summary>
    public static int Version(string field, string? text, List<FieldError> errors)
    {
        var isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0;
        Require(errors, field, isNumber, "a version's number, from 1", text);
        return version;
    }

    public static int Limit(string? text, List<FieldError> errors)
    {
        if (text is null)
        {
            return DefaultLimit;
        }

        var isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MostEntries;
        Require(errors, "limit", isNumber, $"1 to {MostEntries}", text);
        return limit;
    }

    /// <summary>The revision of <c>If-Match</c>; null for <c>*</c>.</summary>
    public static (long? Revision, Problem? Problem) IfMatch(HttpContext context) =>
        Revisions.IfMatch(context, "If-Match is missing: an activation replaces what is active, so it has to say what that was.", IfMatchRule);

    public static string ETag(long revision) => Revisions.ETag(revision);

    /// <summary>Whether it can be the name of a policy; what cannot is not looked for.</summary>
    public static bool IsName(string name) => DocumentReader.IsName(name);

    public static Problem Unknown(string space, string name, int? version = null) => Problems.Of("policy_unknown", version is null
        ? $"The namespace {space} has no policy {(IsName(name) ? name : "of this name")}."
        : string.Create(CultureInfo.InvariantCulture, $"The namespace {space} has no version {version} of a policy {(IsName(name) ? name : "of this name")}."));

    /// <summary>Whether it can be the id of an approval. Whether there is one is another matter.</summary>
    public static bool IsApprovalId(string text) => text.Length is > 0 and <= 64 && text.All(each => char.IsAsciiLetterOrDigit(each) || each is '_' or '-');

    public static bool IsText(string text, int mostBytes) =>
        text.Length > 0 && text.Length <= mostBytes && Encoding.UTF8.GetByteCount(text) <= mostBytes && !text.Any(char.IsControl);

    public static void Require(List<FieldError> errors, string field, bool holds, string rule, object? value)
    {
        if (!holds)
        {
            errors.Add(Problems.Field(field, rule, value));
        }
    }

    /// <summary>The answer, or a problem when the database does not answer.</summary>
    public static async Task<IResult> OrUnavailableAsync(DatabaseChoice database, Func<Task<IResult>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            return Problems.Result(Problems.Of("policies_unavailable", DatabaseProblem.Sentence(problem, database)) with { RetryAfterMs = 1_000 });
        }
    }
}
