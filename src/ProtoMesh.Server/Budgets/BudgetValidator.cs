using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Budgets;

/// <summary>Checks every field of the calls about budgets. Whatever is wrong is named with its rule.</summary>
internal static partial class BudgetValidator
{
    public const int MostBudgets = 8;
    public const long DefaultHoldMs = 600_000;
    private const long MostTokens = 1_000_000_000;
    private const string NamesRule = "1 to 8 names of budgets, each once";
    private const string TextRule = "1 to 128 bytes without control characters";

    public static List<FieldError> Check(ReserveBudget body)
    {
        var errors = Namespace(body.Namespace);
        Require(errors, "reservation_id", body.ReservationId is null || RequestIds.IsValid(body.ReservationId), RequestIds.Rule, body.ReservationId);
        Require(errors, "agent_id", body.AgentId is not null && IsText(body.AgentId, 128), TextRule, body.AgentId);
        Require(errors, "run_id", body.RunId is null || IsText(body.RunId, 128), TextRule, body.RunId);
        Require(errors, "budgets", body.Budgets is { Count: >= 1 and <= MostBudgets } names && names.All(name => name is not null) && names.Distinct(StringComparer.Ordinal).Count() == names.Count, NamesRule, body.Budgets?.Count);
        Require(errors, "amount", body.Amount is null == body.Estimate is not null, "either amount or estimate, not both and not neither", body.Amount);
        Require(errors, "amount", body.Amount is null or >= 0 and <= BudgetAmounts.Most, BudgetAmounts.Rule, body.Amount);
        Require(errors, "hold_ms", body.HoldMs is null or >= 1_000 and <= 86_400_000, "1000 to 86400000", body.HoldMs);
        Require(errors, "metadata", body.Metadata is null || IsMetadata(body.Metadata.Value), "a JSON object of at most 16 KB with whole characters in its texts", null);
        Usage("estimate", body.Estimate, errors);
        return errors;
    }

    public static List<FieldError> Check(CommitBudget body)
    {
        var errors = Namespace(body.Namespace);
        Require(errors, "actual", body.Actual is not null || body.Usage is not null, "actual or usage, one of the two at least", null);
        Require(errors, "actual", body.Actual is null or >= 0 and <= BudgetAmounts.Most, BudgetAmounts.Rule, body.Actual);
        Usage("usage", body.Usage, errors);
        return errors;
    }

    public static List<FieldError> Check(TopUpBudget body)
    {
        var errors = Namespace(body.Namespace);
        Require(errors, "amount", body.Amount is >= 1 and <= BudgetAmounts.Most, "a whole number, 1 to 9000000000000000; micro-dollars for usd", body.Amount);
        Require(errors, "reason", body.Reason is not null && IsText(body.Reason, 500), "1 to 500 bytes without control characters", body.Reason);
        Require(errors, "top_up_id", body.TopUpId is null || RequestIds.IsValid(body.TopUpId), RequestIds.Rule, body.TopUpId);
        Key(body.Key, errors);
        return errors;
    }

    public static List<FieldError> Namespace(string? space)
    {
        var errors = new List<FieldError>();
        Require(errors, "namespace", space is null || ResourceName.IsNamespace(space), ResourceName.NamespaceRule, space);
        return errors;
    }

    public static void Key(string? key, List<FieldError> errors) => Require(errors, "key", key is null || BudgetSlot.IsKey(key), BudgetSlot.KeyRule, key);

    public static int Limit(string? text, List<FieldError> errors)
    {
        var isNumber = int.TryParse(text ?? "100", NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= 1_000;
        Require(errors, "limit", isNumber, "1 to 1000", text);
        return limit;
    }

    /// <summary>Whether it can be the id of a reservation: one of a caller's, or of a decision with the number of its rule.</summary>
    public static bool IsReservationId(string id) => IdPattern().IsMatch(id);

    public static void Require(List<FieldError> errors, string field, bool holds, string rule, object? value)
    {
        if (!holds)
        {
            errors.Add(Problems.Field(field, rule, value));
        }
    }

    private static void Usage(string field, TokenUsage? usage, List<FieldError> errors)
    {
        if (usage is null)
        {
            return;
        }

        const string Rule = "a whole number, 0 to 1000000000";
        Require(errors, $"{field}.model", usage.Model is not null && IsText(usage.Model, 128), TextRule, usage.Model);
        foreach (var (name, tokens) in new[] { ("input_tokens", usage.InputTokens), ("cached_input_tokens", usage.CachedInputTokens), ("cache_write_tokens", usage.CacheWriteTokens), ("output_tokens", usage.OutputTokens) })
        {
            Require(errors, $"{field}.{name}", tokens is null or >= 0 and <= MostTokens, Rule, tokens);
        }
    }

    private static bool IsMetadata(JsonElement metadata) =>
        metadata.ValueKind is JsonValueKind.Null || (metadata.ValueKind is JsonValueKind.Object && Encoding.UTF8.GetByteCount(metadata.GetRawText()) <= 16 * 1024 && WholeTexts.AreIn(metadata));

    private static bool IsText(string text, int most) => text.Length > 0 && text.Length <= most && Encoding.UTF8.GetByteCount(text) <= most && !text.Any(char.IsControl);

    [GeneratedRegex("^[A-Za-z0-9_-]{8,72}\\z")]
    private static partial Regex IdPattern();
}
