using ProtoMesh.Server.Store;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Server.Locks;

/// <summary>Checks every field of a request and fills in the defaults. Whatever is wrong is named with its rule.</summary>
internal sealed class LockValidator(IOptions<LockOptions> options, NamespaceBook namespaces)
{
    public const long MostWaitMs = 86_400_000;
    public const long MostHoldMs = 86_400_000;
    public const long DefaultHoldMs = 3_600_000;
    public const long MostDrainMs = 600_000;
    public const int MostResources = 64;
    public const int MostRenewals = 1_000;
    private const string AnyPriority = "0 to 9, higher is sooner";
    public const string TextRule = "1 to 128 bytes without control characters";
    public const string NoteRule = "at most 500 bytes without control characters other than tabs and line breaks";
    public const string TokenRule = "the fencing_token that the grant's answer carried, 1 to 9007199254740991";
    private static readonly string WaitRule = $"0 (try) to {MostWaitMs}";
    private static readonly string HoldRule = $"1000 to {MostHoldMs}";
    private static readonly string DrainRule = $"0 to {MostDrainMs}";
    public const string LockIdRule = "request_id.partition, as the answer to a request gave it";

    private readonly LockOptions _options = options.Value;

    private readonly string _ttlRule = $"1000 to {options.Value.MaxTtlMs}";

    /// <summary>The longest ttl that a caller may ask for.</summary>
    public long MostTtlMs(Caller caller) => Math.Min(_options.MaxTtlMs, caller.MaxTtlMs ?? _options.MaxTtlMs);

    public string TtlRule(Caller caller) => caller.MaxTtlMs < _options.MaxTtlMs ? $"1000 to {caller.MaxTtlMs}, the most that this key may ask for" : _ttlRule;

    public static string PriorityRule(Caller caller) => caller.MaxPriority is < 9 and var most ? $"0 to {most}, the most that this key may ask for" : AnyPriority;

    public Answer<LockRequest> Read(AcquireLock body, Caller caller)
    {
        var errors = new Errors();
        var space = body.Namespace ?? ResourceName.DefaultNamespace;
        errors.Require("namespace", ResourceName.IsNamespace(space), ResourceName.NamespaceRule, body.Namespace);
        errors.Require("request_id", body.RequestId is null || RequestIds.IsValid(body.RequestId), RequestIds.Rule, body.RequestId);
        var wants = ReadWants(body, space, errors);
        errors.Text("agent_id", body.AgentId, required: true);
        errors.Text("session_id", body.SessionId, required: body.Reentrant == true);
        errors.Range("priority", body.Priority, 0, caller.MaxPriority ?? 9, PriorityRule(caller));
        errors.Range("ttl_ms", body.TtlMs, 1_000, MostTtlMs(caller), TtlRule(caller));
        errors.Range("wait_ms", body.WaitMs, 0, MostWaitMs, WaitRule);
        errors.Range("max_hold_ms", body.MaxHoldMs, 1_000, MostHoldMs, HoldRule);
        errors.Range("drain_ms", body.DrainMs, 0, MostDrainMs, DrainRule);
        errors.Require("durability", body.Durability is null or LockDurability.Fast or LockDurability.Journaled, "fast or journaled", body.Durability);
        errors.Note("reason", body.Reason, required: false);
        errors.Labels(body.Labels);
        errors.Require("action", body.Action is null ? body.Metadata is not { ValueKind: not JsonValueKind.Null } : PolicyMetadata.IsAction(body.Action), PolicyMetadata.ActionRule, body.Action);
        PolicyMetadata.Check(body.Metadata, errors.Add);
        errors.Text("run_id", body.RunId, required: false);
        errors.Require("approval_id", body.ApprovalId is null || PolicyRequests.IsApprovalId(body.ApprovalId), PolicyRequests.ApprovalIdRule, body.ApprovalId);
        errors.Require("approval_id", body.Action is not null || body.ApprovalId is null, "only with action", body.ApprovalId);
        errors.Require("run_id", body.Action is not null || body.RunId is null, "only with action", body.RunId);
        if (errors.Any)
        {
            return errors.Problem;
        }

        var journaled = namespaces.Of(space).IsJournaled(body.Durability, _options.Durability);
        return new LockRequest
        {
            RequestId = body.RequestId ?? Guid.CreateVersion7().ToString(),
            Wants = wants,
            AgentId = body.AgentId!,
            SessionId = body.SessionId ?? "",
            Priority = body.Priority ?? Math.Min(5, caller.MaxPriority ?? 9),
            TtlMs = body.TtlMs ?? Math.Min(_options.DefaultTtlMs, MostTtlMs(caller)),
            WaitMs = body.WaitMs ?? 30_000,
            MaxHoldMs = body.MaxHoldMs ?? DefaultHoldMs,
            DrainMs = body.DrainMs ?? 0,
            Flags = (body.Detached == true ? LockFlags.Detached : "") + (body.Reentrant == true ? LockFlags.Reentrant : "") + (journaled ? LockFlags.Journaled : "")
                + (body.Action is null ? "" : LockFlags.Action),
            HasOwnId = body.RequestId is not null,
            ApprovalId = body.ApprovalId,
            Payload = new LockPayload
            {
                Reason = body.Reason, Labels = body.Labels is { Count: > 0 } ? body.Labels : null, Action = body.Action, RunId = body.RunId, Asker = body.Action is null ? null : caller.Facts,
                Metadata = body.Metadata is { ValueKind: JsonValueKind.Object } ? body.Metadata : null,
            },
        };
    }

    private static List<Want> ReadWants(AcquireLock body, string space, Errors errors)
    {
        var wants = new List<Want>();
        if (body.Resource is null == body.Resources is null)
        {
            errors.Add("resource", "either resource or resources, not both and not neither", body.Resource);
        }
        else if (body.Resource is not null)
        {
            ReadWant("", new ResourceRequest { Resource = body.Resource, Mode = body.Mode, Capacity = body.Capacity, Units = body.Units }, space, wants, errors);
        }
        else if (body.Resources!.Count is 0 or > MostResources)
        {
            errors.Add("resources", $"1 to {MostResources} resources", body.Resources.Count);
        }
        else
        {
            for (var index = 0; index < body.Resources.Count; index++)
            {
                // What the request says for all holds for each that says nothing for itself.
                var item = body.Resources[index];
                if (item is null)
                {
                    errors.Add($"resources[{index}]", ResourceName.Rule, null);
                    continue;
                }

                ReadWant(
                    $"resources[{index}].",
                    item with { Mode = item.Mode ?? body.Mode, Capacity = item.Capacity ?? body.Capacity, Units = item.Units ?? body.Units },
                    space, wants, errors);
            }
        }

        return wants;
    }

    private static void ReadWant(string path, ResourceRequest item, string space, List<Want> wants, Errors errors)
    {
        if (!ResourceName.TryParse(space, item.Resource, out var name))
        {
            errors.Add($"{path}resource", ResourceName.Rule, item.Resource);
        }
        else if (wants.Count > 0 && wants.Any(want => want.Name == name))
        {
            errors.Add($"{path}resource", "each resource once", item.Resource);
        }

        var mode = item.Mode ?? LockMode.Exclusive;
        var (capacity, units) = (0, 0);
        if (mode is not (LockMode.Exclusive or LockMode.Shared or LockMode.Slots))
        {
            errors.Add($"{path}mode", "exclusive, shared or slots", item.Mode);
        }
        else if (mode == LockMode.Slots)
        {
            (capacity, units) = (item.Capacity ?? 0, item.Units ?? 1);
            errors.Require($"{path}capacity", capacity is >= 1 and <= 10_000, "1 to 10000, required with mode slots", item.Capacity);
            errors.Require($"{path}units", units >= 1 && units <= Math.Max(capacity, 1), "1 to capacity", item.Units);
        }
        else
        {
            errors.Require($"{path}capacity", item.Capacity is null, "only with mode slots", item.Capacity);
            errors.Require($"{path}units", item.Units is null, "only with mode slots", item.Units);
        }

        wants.Add(new Want(mode, capacity, units, name));
    }

    /// <summary>Collects what is wrong.</summary>
    internal sealed class Errors
    {
        private readonly List<FieldError> _errors = [];

        public bool Any => _errors.Count > 0;

        public Problem Problem => Problems.Invalid(_errors);

        public void Add(string field, string rule, object? value) => _errors.Add(Problems.Field(field, rule, value));

        public void Require(string field, bool holds, string rule, object? value)
        {
            if (!holds)
            {
                Add(field, rule, value);
            }
        }

        public void Range(string field, long? value, long least, long most, string rule) =>
            Require(field, value is null || (value >= least && value <= most), rule, value);

        public ResourceName Resource(string? space, string? resource)
        {
            Require("namespace", space is null || ResourceName.IsNamespace(space), ResourceName.NamespaceRule, space);
            if (!ResourceName.TryParse(space ?? ResourceName.DefaultNamespace, resource, out var name))
            {
                Add("resource", ResourceName.Rule, resource);
            }

            return name;
        }

        /// <summary>How many entries a page has: 100 unless the caller says otherwise.</summary>
        public int Limit(string? limit)
        {
            var valid = int.TryParse(limit ?? "100", NumberStyles.None, CultureInfo.InvariantCulture, out var most) && most is >= 1 and <= 1_000;
            Require("limit", valid, "1 to 1000", limit);
            return most;
        }

        public void Token(long? value) => Require("fencing_token", value is >= 1 and <= 9_007_199_254_740_991, TokenRule, value);

        public void Text(string field, string? value, bool required) =>
            Require(field, value is null ? !required : IsText(value, 128) && value.Length > 0, TextRule, value);

        public void Note(string field, string? value, bool required) => Require(
            field, value is null ? !required : Encoding.UTF8.GetByteCount(value) <= 500 && !(ControlCharacters.AreIn(value) && value.Any(IsForbiddenInNote)) && (!required || value.Length > 0),
            required ? $"1 byte or more, {NoteRule}" : NoteRule, value);

        public void Labels(IReadOnlyDictionary<string, string>? labels)
        {
            if (labels is null)
            {
                return;
            }

            Require("labels", labels.Count <= 16, "at most 16 labels", labels.Count);
            foreach (var (key, value) in labels.Take(17))
            {
                Require($"labels.{(key.Length <= 80 ? key : key[..60])}", key.Length > 0 && IsText(key, 64) && value is not null && IsText(value, 256), "a key of 1 to 64 bytes and a text of at most 256 bytes, both without control characters", value);
            }
        }

        private static bool IsText(string text, int most) => text.Length <= most && Encoding.UTF8.GetByteCount(text) <= most && !ControlCharacters.AreIn(text);

        private static bool IsForbiddenInNote(char character) => char.IsControl(character) && character is not ('\t' or '\n' or '\r');
    }
}
