using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Budgets;

/// <summary>What the document says of the calls about budgets. Every first body can be sent as it is where the policy has the budget.</summary>
internal static class BudgetDocs
{
    private const string Line = """{ "name": "team-day", "key": "payments", "cap": 50000000, "spent": 12400000, "held": 900000, "left": 36700000, "window_started_at": "2026-03-01T00:00:00.000Z", "window_ends_at": "2026-03-02T00:00:00.000Z" }""";

    private const string Fields = """
        "reservation_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d", "namespace": "default", "agent_id": "billing-agent", "run_id": "run-42"
        """;

    private const string Held = $$"""
        {
          {{Fields}}, "state": "held", "unit": "usd", "amount": 900000,
          "created_at": "2026-03-01T09:00:00.000Z", "expires_at": "2026-03-01T09:10:00.000Z", "expires_in_ms": 600000, "budgets": [{{Line}}]
        }
        """;

    private const string Committed = $$"""
        {
          {{Fields}}, "state": "committed", "unit": "usd", "amount": 900000,
          "created_at": "2026-03-01T09:00:00.000Z", "expires_at": "2026-03-01T09:10:00.000Z", "expires_in_ms": 0, "budgets": [{{Line}}],
          "actual": 612500, "verification": "recomputed", "claimed": 612500, "recomputed": 612500, "settled_at": "2026-03-01T09:00:41.000Z"
        }
        """;

    private const string Used = """
        {
          "name": "team-day", "key": "payments", "unit": "usd", "cap": 50000000, "topped_up": 0, "spent": 12400000, "held": 900000, "left": 36700000, "disputed": 0,
          "window_started_at": "2026-03-01T00:00:00.000Z", "window_ends_at": "2026-03-02T00:00:00.000Z", "ledger_spent": 12400000, "drift": 0, "as_of": "2026-03-01T09:00:41.000Z"
        }
        """;

    private static readonly ParameterDoc Id = new("reservation_id", "The id of the reservation.", Example: "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d");
    private static readonly ParameterDoc Space = new("namespace", "Where the budgets are; `default`.");
    private static readonly ParameterDoc Name = new("name", "The budget, as the active policy names it.", Example: "team-day");
    private static readonly ParameterDoc Key = new("key", "Whose counter; required where the budget has a key. An agent sees its own, also without this.");

    public static OperationDoc Reserve { get; } = new(
        "Reserve an amount",
        """
        Holds the amount on all named budgets, or on none of them, for `hold_ms`. Amounts are whole numbers: micro-dollars for `usd`
        (1 dollar is 1,000,000). Instead of an amount, `estimate` says what a model call will use at most, and the price table makes one of it.

        Then do the work, and commit what it really cost. What is not committed in time is free again; a late commit still counts.
        The budgets are part of the active policy: `budgets:` of the document.
        """)
    {
        Bodies =
        [
            new("amount", "0.90 USD of two budgets", """{ "agent_id": "billing-agent", "budgets": ["team-day", "run"], "amount": 900000, "run_id": "run-42" }"""),
            new("estimate", "What a model call costs at most", """{ "agent_id": "billing-agent", "budgets": ["team-day"], "estimate": { "model": "gpt-4o-mini", "input_tokens": 12000, "output_tokens": 2000 } }"""),
        ],
        Answers = [new(200, "Held.", Held)],
    };

    public static OperationDoc Find { get; } = new("What has become of a reservation?", "Settled ones are forgotten after seven days; the ledger keeps them.")
    {
        Parameters = By(Id, Space), Answers = [new(200, "The reservation, and its budgets as they stand now.", Held)],
    };

    public static OperationDoc Commit { get; } = new(
        "Say what it really cost",
        """
        Posts `actual`, or what `usage` costs by the price table, to the windows in which it was reserved, and frees the rest. With both, a claim that is
        too far from the recomputed cost is `disputed`, and the larger of the two counts. A cost above the reserved amount is posted and flagged
        (`overrun`), and so is one after the hold has expired (`late`). The same commit again gets the same answer.
        """)
    {
        Parameters = By(Id),
        Bodies =
        [
            new("both", "The cost, and what was used", """{ "actual": 612500, "usage": { "model": "gpt-4o-mini", "input_tokens": 11800, "output_tokens": 1100 } }"""),
            new("actual", "Only the cost", """{ "actual": 612500 }"""),
        ],
        Answers = [new(200, "Posted.", Committed)],
    };

    public static OperationDoc Release { get; } = new("Say that nothing was spent", "Frees the whole amount.")
    {
        Parameters = By(Id), Bodies = [new("release", "In the namespace default", "{}")],
        Answers = [new(200, "Released.", Held.Replace("\"held\", \"unit\"", "\"released\", \"unit\"", StringComparison.Ordinal))],
    };

    public static OperationDoc List { get; } = new("Which budgets are there?", "What the active policy of the namespace defines, in its order.")
    {
        Parameters = By(Space),
        Answers = [new(200, "The budgets.", """
            {
              "budgets": [{ "name": "team-day", "unit": "usd", "cap": 50000000, "key": "agent.team", "window": { "calendar": "day", "tz": "UTC" }, "alert": [50, 80, 100] }],
              "policy": { "name": "spending", "version": 3, "sha256": "4f1c0d0a5f1f9d8c7b6a59483726150413223140f0e1d2c3b4a5968778695a4b" }
            }
            """)],
    };

    public static OperationDoc Usage { get; } = new(
        "How does a budget stand?", "The counter of the present window, and what the ledger says of it. `drift` is their difference: anything but 0 means that a counter was lost or changed by hand.")
    {
        Parameters = By(Name, Space, Key), Answers = [new(200, "As it stands now.", Used)],
    };

    public static OperationDoc Ledger { get; } = new("What happened to a budget?", "Every change, newest first. Entries are written in the transaction of the journal, each exactly once, and never changed. Agents see their own.")
    {
        Parameters = By(Name, Space, Key, new ParameterDoc("reservation_id", "Only entries of this reservation.")),
        Answers = [new(200, "A page; without `next_page_token` it is the last.", """
            {
              "entries": [{ "id": 4128, "at": "2026-03-01T09:00:41.000Z", "kind": "committed", "budget": "team-day", "key": "payments", "reservation_id": "019b3a52-7f0e-7a61-9c1e-3f5d8a2b4c6d", "agent_id": "billing-agent", "run_id": "run-42", "amount": 900000, "actual": 612500, "verification": "claimed", "claimed": 612500 }]
            }
            """)],
    };

    public static OperationDoc TopUp { get; } = new("Raise a budget", "Adds to the cap of the present window. With `top_up_id` a repetition adds nothing.")
    {
        Parameters = By(Name),
        Bodies = [new("more", "10 USD more for today", """{ "key": "payments", "amount": 10000000, "reason": "quarter end" }""")],
        Answers = [new(200, "Raised.", Used)],
    };

    public static OperationDoc Rebuild { get; } = new("Set a counter right", "Sets the counter of the present window to what the ledger says. A change that happens meanwhile is never lost. `drift_before` tells what was wrong.")
    {
        Parameters = By(Name), Bodies = [new("key", "One counter", """{ "key": "payments" }""")],
        Answers = [new(200, "As it stands now.", Used.Replace("\"as_of\"", "\"drift_before\": -350000, \"as_of\"", StringComparison.Ordinal))],
    };

    public static OperationDoc Prices { get; } = new("What do models cost?", "The table that estimates and usages are priced with, in dollars per million tokens. `Budgets:PriceFile` replaces it.")
    {
        Answers = [new(200, "The table.", """
            {
              "version": "2026-11-21", "tolerance_percent": 5,
              "models": [{ "model": "gpt-4o-mini", "from": "2026-01-01", "input": 0.15, "cached_input": 0.075, "output": 0.60, "batch": 0.5 }]
            }
            """)],
    };

    private static Dictionary<string, ParameterDoc> By(params ParameterDoc[] parameters) => parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
}
