using System.Text.Json;
using Microsoft.OpenApi;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>What the document says of a policy's life. Every first body can be sent as it is.</summary>
internal static class PolicyDocs
{
    private const string Digest = "6b1f0d0a5f1f9d8c7b6a59483726150413223140f0e1d2c3b4a5968778695a4b";

    private const string Sample = """
        apiVersion: protomesh.dev/policy/v1
        name: prod-guard
        params: { limits: { junior: 100, senior: 1000 } }
        metadata: { estimated_cost: { type: number, min: 0, default: 0 } }
        rules:
          - id: spend-limit
            actions: [spend]
            when: "!(agent.role in params.limits) || metadata.estimated_cost > params.limits[agent.role]"
            effect: deny
            message: "'cost $' + string(metadata.estimated_cost) + ' is over the limit of role ' + agent.role"
          - id: default-allow
            actions: ["*"]
            effect: allow
        tests:
          - name: junior over the limit
            given: { agent: { role: junior }, action: spend, metadata: { estimated_cost: 101 } }
            expect: { decision: deny, rules: [spend-limit] }

        """;

    private const string Stored = $$"""
        {
          "namespace": "default", "name": "prod-guard", "version": 3, "sha256": "{{Digest}}", "author": "ada", "comment": "senior may spend 1000",
          "created_at": "2026-03-01T09:00:00.000Z", "active": false
        }
        """;

    private const string Activated = $$"""
        { "namespace": "default", "name": "prod-guard", "version": 3, "sha256": "{{Digest}}", "revision": 7, "by": "ada", "at": "2026-03-01T09:00:00.000Z" }
        """;

    private static readonly ParameterDoc Namespace = new("namespace", "Where the policy decides; `default`.");
    private static readonly ParameterDoc Name = new("name", "The policy's name, as the document has it.", Example: "starter");
    private static readonly ParameterDoc Number = new("version", "A version's number, from 1.", Whole(), "1");
    private static readonly ExampleDoc Body = new("document", "A small policy", JsonSerializer.Serialize(Sample));
    private static readonly string[] BodyTypes = ["application/yaml", "text/yaml", "text/plain"];

    public static OperationDoc Validate { get; } = new(
        "Is this document a policy?",
        """
        The body is the document itself, in YAML; JSON is YAML, so `application/json` works too. It is read, type-checked and looked through for
        what is probably not meant, and its own `tests` run. Nothing is stored. What is wrong comes back as `policy_invalid`: each error with its line and column.
        """)
    {
        BodyTypes = BodyTypes,
        Bodies = [Body],
        Answers =
        [
            new(200, "It can be used.", $$"""
                {
                  "valid": true, "name": "prod-guard", "sha256": "{{Digest}}", "rules": 2,
                  "warnings": [{ "line": 8, "column": 11, "message": "rule spend-limit can never hold" }],
                  "tests": { "passed": 1, "never_held": ["default-allow"], "always_held": ["spend-limit"] }
                }
                """),
        ],
    };

    public static OperationDoc Put { get; } = new(
        "Keep a new version of a policy",
        """
        The document becomes the next version of its name, after it was validated and its tests have passed. A version never changes, and nothing decides
        differently before it is activated. The text of the newest version sent again makes no new one.
        """)
    {
        Parameters = By(
            Name with { Text = "The `name` in the document.", Example = "prod-guard" }, Namespace, new("author", "Who wrote it: 1 to 128 bytes."), new("comment", "Why: 1 to 500 bytes.")),
        BodyTypes = BodyTypes,
        Bodies = [Body],
        Answers = [new(200, "The newest version has this text already.", Stored), new(201, "A new version. `Location` has its address.", Stored)],
    };

    public static OperationDoc List { get; } = new(
        "Which policies are there, and which one decides?",
        """
        The names of a namespace and what is active in it. The `ETag` is the revision that an activation names in `If-Match`: 0 where nothing was
        activated, and the `default_policy` of the namespace decides.
        """)
    {
        Parameters = By(Namespace),
        Answers =
        [
            new(200, "A page; without `next_page_token` it is the last. `starter` and `deny-all` come with the service and are on the first.", $$"""
                {
                  "namespace": "default", "active": {{Activated}}, "loaded": { "name": "prod-guard", "version": 3, "revision": 7 },
                  "policies": [{ "name": "starter", "newest_version": 1 }, { "name": "deny-all", "newest_version": 1 }, { "name": "prod-guard", "newest_version": 3 }]
                }
                """),
        ],
    };

    public static OperationDoc Versions { get; } = new("The versions of a policy", "Newest first, without their documents.")
    {
        Parameters = By(Name, Namespace),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", $$"""{ "versions": [{{Stored}}] }""")],
    };

    public static OperationDoc Version { get; } = new(
        "A version and its document", "With `Accept: application/yaml` the answer is the document itself, byte for byte as it was sent.")
    {
        Parameters = By(Name, Number, Namespace),
        Answers =
        [
            new(200, "The version.", $$"""
                { "namespace": "default", "name": "prod-guard", "version": 3, "sha256": "{{Digest}}", "created_at": "2026-03-01T09:00:00.000Z", "active": true, "document": {{JsonSerializer.Serialize(Sample)}} }
                """),
        ],
    };

    public static OperationDoc Activate { get; } = new(
        "Make a version decide",
        """
        From the answer on this replica decides by it, every other one within a second. Activating an older version is the way back; version 1 of `starter`
        returns to what the service came with, and version 1 of `deny-all` stops whatever asks a policy. Of two activations that saw the same revision one wins; the other is told the present one.
        """)
    {
        Parameters = By(Name, Number, Namespace, new("by", "Who activates it: 1 to 128 bytes.")),
        Headers = [new("If-Match", "The `ETag` of [listPolicies](#/Policies/listPolicies), such as `\"7\"`, or `*` for whatever is active.")],
        Answers = [new(200, "It decides. The `ETag` is the new revision.", Activated)],
    };

    public static OperationDoc Diff { get; } = new("What changed between two versions?", "The rules that were added, removed or changed, and the texts as a unified diff.")
    {
        Parameters = By(
            Name, Namespace, new("from", "The version that is compared.", Whole(), "1", Required: true), new("to", "The version that it is compared with.", Whole(), "1", Required: true)),
        Answers =
        [
            new(200, "The difference.", """
                {
                  "namespace": "default", "name": "prod-guard", "from": 2, "to": 3, "rules": { "added": [], "removed": [], "changed": ["spend-limit"] },
                  "text": "--- prod-guard version 2\n+++ prod-guard version 3\n@@ -3,1 +3,1 @@\n-params: { limits: { junior: 100 } }\n+params: { limits: { junior: 100, senior: 1000 } }\n"
                }
                """),
        ],
    };

    private static OpenApiSchema Whole() => new() { Type = JsonSchemaType.Integer, Minimum = "1" };

    private static Dictionary<string, ParameterDoc> By(params ParameterDoc[] parameters) => parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
}
