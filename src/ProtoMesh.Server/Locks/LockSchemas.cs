using ProtoMesh.Server.Store;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Server.Locks;

/// <summary>The limits of <see cref="LockValidator"/> as the document has them. A test sends values on both sides of each.</summary>
internal sealed class LockSchemas(IOptions<LockOptions> options) : IOpenApiSchemaTransformer
{
    public const string NamespacePattern = "^[a-z0-9-]{1,40}$";
    public const string ResourcePattern = @"^[a-z][a-z0-9_.-]{0,63}/[^\u0000-\u001f\u007f-\u009f]{1,512}$";
    private const string RequestIdPattern = "^[A-Za-z0-9_-]{8,64}$";
    private const long MostToken = 9_007_199_254_740_991;

    private static readonly Dictionary<Type, string[]> Required = new()
    {
        [typeof(AcquireLock)] = ["agent_id"],
        [typeof(RenewLock)] = ["fencing_token"],
        [typeof(RenewLocks)] = ["locks"],
        [typeof(RenewLocksItem)] = ["lock_id", "fencing_token"],
        [typeof(ReleaseLock)] = ["fencing_token"],
        [typeof(CancelLock)] = ["request_id", "resource"],
        [typeof(TransferLock)] = ["fencing_token", "to_agent_id"],
        [typeof(ReprioritizeLock)] = ["priority"],
        [typeof(ForceRelease)] = ["resource", "reason"],
        [typeof(ValidateFence)] = ["resource", "fencing_token"],
    };

    /// <summary>The classes of constants, which texts of the records name for readers of the code.</summary>
    private static readonly (string Class, string[] Values)[] Values =
    [
        (nameof(LockMode), [LockMode.Exclusive, LockMode.Shared, LockMode.Slots]),
        (nameof(LockDurability), [LockDurability.Fast, LockDurability.Journaled]),
        (nameof(LockState),
        [
            LockState.Queued, LockState.Granted, LockState.Released, LockState.Expired, LockState.Abandoned, LockState.ForceReleased,
            LockState.Transferred, LockState.Cancelled, LockState.TimedOut,
        ]),
    ];

    private readonly LockOptions _options = options.Value;

    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        foreach (var (name, values) in Values)
        {
            schema.Description = schema.Description?.Replace(name, string.Join(", ", values.Select(value => $"`{value}`")), StringComparison.Ordinal);
        }

        if (context.JsonPropertyInfo is null && Required.TryGetValue(context.JsonTypeInfo.Type, out var required))
        {
            schema.Required = required.ToHashSet(StringComparer.Ordinal);
            schema.AdditionalPropertiesAllowed = false;
        }

        if (context.JsonPropertyInfo is { } property && Required.ContainsKey(property.DeclaringType))
        {
            Limit(schema, property.Name, property.DeclaringType == typeof(AcquireLock));
        }

        return Task.CompletedTask;
    }

    private void Limit(OpenApiSchema schema, string field, bool withDefaults)
    {
        switch (field)
        {
            case "request_id":
                schema.Pattern = RequestIdPattern;
                break;
            case "namespace":
                schema.Pattern = NamespacePattern;
                schema.Default = ResourceName.DefaultNamespace;
                break;
            case "resource":
                schema.Pattern = ResourcePattern;
                break;
            case "resources":
                (schema.MinItems, schema.MaxItems) = (1, LockValidator.MostResources);
                schema.Items = new OpenApiSchema { OneOf = [Name(), ResourceRequest()] };
                break;
            case "locks":
                (schema.MinItems, schema.MaxItems) = (1, LockValidator.MostRenewals);
                break;
            case "mode":
                schema.Enum = [LockMode.Exclusive, LockMode.Shared, LockMode.Slots];
                schema.Default = LockMode.Exclusive;
                break;
            case "durability":
                schema.Enum = [LockDurability.Fast, LockDurability.Journaled];
                schema.Default = _options.Durability;
                break;
            case "capacity":
                Range(schema, 1, 10_000);
                break;
            case "units":
                Range(schema, 1, 10_000, 1);
                break;
            case "priority":
                Range(schema, 0, 9, withDefaults ? 5 : null);
                break;
            case "ttl_ms":
                Range(schema, 1_000, _options.MaxTtlMs, withDefaults ? Math.Min(_options.DefaultTtlMs, _options.MaxTtlMs) : null);
                break;
            case "wait_ms":
                Range(schema, 0, LockValidator.MostWaitMs, 30_000);
                break;
            case "max_hold_ms":
                Range(schema, 1_000, LockValidator.MostHoldMs, LockValidator.DefaultHoldMs);
                break;
            case "drain_ms":
                Range(schema, 0, LockValidator.MostDrainMs, 0);
                break;
            case "fencing_token":
                Range(schema, 1, MostToken);
                break;
            case "agent_id" or "session_id" or "to_agent_id" or "to_session_id":
                (schema.MinLength, schema.MaxLength) = (1, 128);
                break;
            case "reason" or "note" or "progress":
                schema.MinLength = field == "reason" && !withDefaults ? 1 : null;
                schema.MaxLength = 500;
                break;
            case "reentrant" or "detached" or "immediate":
                schema.Default = false;
                break;
            case "labels":
                schema.MaxProperties = 16;
                schema.AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.String, MaxLength = 256 };
                break;
        }
    }

    private static OpenApiSchema Name() => new() { Type = JsonSchemaType.String, Pattern = ResourcePattern };

    private static OpenApiSchema ResourceRequest()
    {
        var mode = new OpenApiSchema { Type = JsonSchemaType.String, Enum = [LockMode.Exclusive, LockMode.Shared, LockMode.Slots] };
        return new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Required = new HashSet<string>(StringComparer.Ordinal) { "resource" },
            AdditionalPropertiesAllowed = false,
            Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
            {
                ["resource"] = Name(),
                ["mode"] = mode,
                ["capacity"] = Range(new OpenApiSchema { Type = JsonSchemaType.Integer }, 1, 10_000),
                ["units"] = Range(new OpenApiSchema { Type = JsonSchemaType.Integer }, 1, 10_000, 1),
            },
        };
    }

    private static OpenApiSchema Range(OpenApiSchema schema, long least, long most, long? otherwise = null)
    {
        schema.Minimum = least.ToString(CultureInfo.InvariantCulture);
        schema.Maximum = most.ToString(CultureInfo.InvariantCulture);
        schema.Default = otherwise is { } value ? JsonValue.Create(value) : null;
        return schema;
    }
}
