using System.Text.Json.Nodes;

namespace ProtoMesh.Conformance.Scenarios;

/// <summary>That a scenario has no key and no op that a runner would not know: a misspelt expectation would hold for ever.</summary>
internal static class ScenarioFormat
{
    private const string AcquireArguments =
        "resource resources priority wait_ms ttl_ms max_hold_ms drain_ms mode capacity units reason labels action metadata reentrant durability namespace agent_id session_id request_id run_id approval_id";

    private const string CheckArguments = "action resource metadata fencing_token agent_id request_id run_id approval_id dry_run namespace";
    private const string EventArguments = "resource agent_id type namespace n last_event_id";

    private static readonly HashSet<string> ScenarioKeys = Set("name clients faults server slow steps");
    private static readonly HashSet<string> ClientKeys = Set("agent_id session_id namespace api_key urls retry_for_ms attempt_timeout_ms");
    private static readonly HashSet<string> StepKeys = Set("actor op args on save expect took_ms until_ms within_ms start repeat");
    private static readonly HashSet<string> JoinKeys = Set("join expect save took_ms within_ms");
    private static readonly HashSet<string> ErrorKeys = Set("code class retryable retry_after_ms message next_step status title trace_id problem");

    private static readonly Dictionary<string, HashSet<string>> Arguments = new(StringComparer.Ordinal)
    {
        ["acquire"] = Set(AcquireArguments + " auto_renew on_queued"),
        ["try_acquire"] = Set(AcquireArguments + " auto_renew"),
        ["dry_run"] = Set(AcquireArguments),
        ["get"] = Set("lock_id"),
        ["explain"] = Set("lock_id"),
        ["cancel"] = Set("lock_id"),
        ["list"] = Set("state agent_id type namespace n"),
        ["queue"] = Set("resource namespace"),
        ["resources"] = Set("namespace n"),
        ["history"] = Set("resource namespace n"),
        ["cancel_request"] = Set("request_id resource namespace"),
        ["reprioritize"] = Set("lock_id priority"),
        ["force_release"] = Set("resource reason immediate namespace"),
        ["lease.renew"] = [],
        ["lease.release"] = Set("note"),
        ["lease.transfer"] = Set("to_agent_id to_session_id"),
        ["lease.report_progress"] = Set("text"),
        ["lease.ticket"] = [],
        ["lease.state"] = [],
        ["lease.wait_lost"] = [],
        ["lease.check"] = [],
        ["lease.close"] = [],
        ["attach"] = Set("ticket"),
        ["guard.enter"] = Set(AcquireArguments + " auto_renew on_unavailable on_approval approval_timeout_ms on_waiting"),
        ["guard.state"] = [],
        ["guard.spent"] = Set("actual usage reservation_id"),
        ["guard.exit"] = Set("failed"),
        ["keys.create"] = Set("role name comment namespace agent_id agent_prefix team labels groups max_priority max_ttl_ms expires_at"),
        ["keys.list"] = Set("namespace n"),
        ["keys.get"] = Set("key_id"),
        ["keys.rotate"] = Set("key_id overlap_ms"),
        ["keys.revoke"] = Set("key_id"),
        ["budgets.reserve"] = Set("budgets amount estimate reservation_id hold_ms run_id metadata agent_id namespace"),
        ["budgets.get"] = Set("reservation_id namespace"),
        ["budgets.commit"] = Set("reservation_id actual usage namespace"),
        ["budgets.release"] = Set("reservation_id namespace"),
        ["budgets.list"] = Set("namespace"),
        ["budgets.usage"] = Set("name key namespace"),
        ["budgets.ledger"] = Set("name key reservation_id namespace n"),
        ["budgets.top_up"] = Set("name amount reason key top_up_id namespace"),
        ["budgets.rebuild"] = Set("name key namespace"),
        ["budgets.prices"] = [],
        ["approvals.request"] = Set("action resource resources metadata run_id reason agent_id namespace"),
        ["approvals.get"] = Set("approval_id"),
        ["approvals.wait"] = Set("approval_id timeout_ms"),
        ["approvals.list"] = Set("state agent_id group action namespace n"),
        ["approvals.approve"] = Set("approval_id comment metadata digest valid_ms approver"),
        ["approvals.deny"] = Set("approval_id comment approver"),
        ["approvals.cancel"] = Set("approval_id"),
        ["approvals.revoke"] = Set("approval_id comment approver"),
        ["approvals.grant"] = Set("group action resource expires_in_ms uses agent_id condition comment approver namespace"),
        ["approvals.grants"] = Set("namespace n"),
        ["approvals.revoke_grant"] = Set("grant_id comment approver"),
        ["policies.check"] = Set(CheckArguments),
        ["policies.check_batch"] = Set("checks dry_run"),
        ["policies.validate"] = Set("document"),
        ["policies.put"] = Set("name document author comment namespace"),
        ["policies.list"] = Set("namespace"),
        ["policies.versions"] = Set("name namespace n"),
        ["policies.get"] = Set("name version namespace"),
        ["policies.activate"] = Set("name version if_match by namespace"),
        ["policies.diff"] = Set("name from to namespace"),
        ["policies.decisions"] = Set("agent_id action decision policy namespace n"),
        ["policies.decision"] = Set("decision_id"),
        ["fences.validate"] = Set("resource fencing_token namespace"),
        ["events.list"] = Set(EventArguments),
        ["events.stream"] = Set(EventArguments),
        ["health"] = [],
        ["held"] = [],
        ["close"] = [],
        ["stage.requests"] = [],
        ["stage.kill"] = [],
        ["stage.stop"] = [],
        ["stage.continue"] = [],
        ["stage.start"] = Set("empty"),
        ["value"] = Set("of"),
        ["section.enter"] = Set("section most"),
        ["section.leave"] = Set("section"),
    };

    public static void Check(string topic, JsonObject scenario)
    {
        var name = (string?)scenario["name"] ?? throw new UsageException($"{topic}.json has a scenario without a name.");
        var where = $"{topic}/{name}";
        Known(where, scenario, ScenarioKeys);
        foreach (var (_, client) in scenario["clients"]?.AsObject() ?? [])
        {
            Known($"{where}, clients", client!.AsObject(), ClientKeys);
        }

        var steps = scenario["steps"] as JsonArray ?? throw new UsageException($"{where} has no steps.");
        for (var index = 0; index < steps.Count; index++)
        {
            CheckStep($"{where}, step {index + 1}", steps[index]!.AsObject());
        }
    }

    private static void CheckStep(string where, JsonObject step)
    {
        if (step["together"] is JsonArray members)
        {
            Known(where, step, Set("together count within_ms"));
            foreach (var member in members.Select(member => member!.AsObject()))
            {
                CheckMember(where, member);
            }
        }
        else if (step["join"] is not null)
        {
            Known(where, step, JoinKeys);
            CheckExpectation(where, step["expect"]);
        }
        else if (step["give_up"] is not null)
        {
            Known(where, step, Set("give_up"));
        }
        else if (step["sleep_ms"] is not null)
        {
            Known(where, step, Set("sleep_ms"));
        }
        else
        {
            Known(where, step, StepKeys);
            var op = (string?)step["op"] ?? throw new UsageException($"{where} has no op.");
            Known($"{where}, {op}", step["args"]?.AsObject() ?? [], Arguments.GetValueOrDefault(op) ?? throw new UsageException($"{where}: there is no op {op}."));
            CheckExpectation(where, step["expect"]);
        }
    }

    private static void CheckMember(string where, JsonObject member)
    {
        if (member["steps"] is not JsonArray steps)
        {
            CheckStep(where, member);
            return;
        }

        Known(where, member, Set("steps repeat"));
        foreach (var step in steps)
        {
            CheckStep(where, step!.AsObject());
        }
    }

    private static void CheckExpectation(string where, JsonNode? expect)
    {
        if (expect is null)
        {
            return;
        }

        if (expect is not JsonObject { Count: 1 } one)
        {
            throw new UsageException($"{where}: expect has one of value, null and error.");
        }

        Known(where, one, Set("value null error"));
        if (one["error"] is JsonObject error)
        {
            Known($"{where}, error", error, ErrorKeys);
        }
    }

    private static void Known(string where, JsonObject given, HashSet<string> keys)
    {
        if (given.Select(member => member.Key).FirstOrDefault(key => !keys.Contains(key)) is { } unknown)
        {
            throw new UsageException($"{where}: '{unknown}' means nothing here.");
        }
    }

    private static HashSet<string> Set(string words) => new(words.Split(' '), StringComparer.Ordinal);
}
