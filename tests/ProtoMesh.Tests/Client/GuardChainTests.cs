using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>The whole chain of a guard against answers that the real service does not give on demand.</summary>
public sealed class GuardChainTests
{
    private const string Check = "/v1/policies/check";
    private const string Approval = "/v1/approvals/app-1";

    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly PolicyDecision Allow = new()
    {
        DecisionId = "0198c",
        Decision = PolicyVerdict.Allow,
        Allowed = true,
        Reason = "All policies passed",
        Policy = new PolicyReference { Name = "starter", Version = 1, Sha256 = "00" },
        Reasons = [],
        Facts = new Dictionary<string, string>(),
        AuditOnly = [],
    };

    private static readonly PolicyDecision Ask = Allow with
    {
        Decision = PolicyVerdict.RequireApproval,
        Allowed = false,
        Reason = "a person has to look at it",
        Approval = new PolicyApproval { ApprovalId = "app-1", State = "pending", Group = "ops", Quorum = 1, ExpiresInMs = 3_600_000, ExpiresAt = Noon },
    };

    private static readonly PolicyDecision Paid = Allow with { Obligations = new PolicyObligations { Budget = [Reserved("res-1", "usd", 2_000_000)] } };

    [Fact]
    public async Task A_guard_that_waits_for_people_asks_again_with_their_yes()
    {
        await using var server = await FaultServer.StartAsync((request, context) => (request.Path, request.Number) switch
        {
            (Check, 1) => Decide(context, Ask),
            (Check, _) => Decide(context, Paid),
            (Approval, < 4) => Answers.Json(context, 200, Asked("pending"), ApprovalsJson.Default.Approval),
            (Approval, _) => Answers.Json(context, 200, Asked("approved"), ApprovalsJson.Default.Approval),
            _ => Settle(context),
        });
        await using var mesh = server.Client();
        var told = new List<string>();

        await using (var guard = await mesh.GuardAsync("deploy", options: new() { OnApproval = OnApproval.Wait, OnWaiting = approval => told.Add(approval.ApprovalId), RunId = "run-7" }))
        {
            Assert.Equal((true, "app-1", "res-1"), (guard.Granted, guard.ApprovalId, Assert.Single(guard.Reservations).ReservationId));
            guard.Spent(5);
        }

        Assert.Equal(["app-1"], told);
        var checks = server.Requests.Where(request => request.Path == Check).Select(request => JsonNode.Parse(request.Body)!).ToList();
        Assert.Equal([null, "app-1"], checks.Select(check => (string?)check["approval_id"]));
        Assert.All(checks, check => Assert.Equal("run-7", (string?)check["run_id"]));
        Assert.Contains(server.Requests, request => request.Path == Approval && request.Prefer is not null);
        Assert.Equal("""/v1/budgets/reservations/res-1/commit {"actual":5}""", Settlements(server));
    }

    [Fact]
    public async Task A_guard_does_not_wait_unless_it_is_told_to_and_its_text_names_the_approval()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Decide(context, Ask));
        await using var mesh = server.Client();

        await using var guard = await mesh.GuardAsync("deploy");

        Assert.Single(server.Requests);
        Assert.Equal((false, "app-1", "ops"), (guard.Granted, guard.ApprovalId, guard.Denial!.Approval!.Group));
        Assert.StartsWith("Not done: deploy. a person has to look at it. A person of the group ops has to approve this: app-1. ", guard.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_approved_since_it_was_asked_last_is_used_at_once()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            Decide(context, request.Number == 1 ? Ask with { Approval = Ask.Approval! with { State = "approved" } } : Allow));
        await using var mesh = server.Client();

        await using var guard = await mesh.GuardAsync("deploy");

        Assert.Equal((true, "app-1", 2), (guard.Granted, guard.ApprovalId, server.Requests.Count));
    }

    [Fact]
    public async Task A_service_that_contradicts_itself_is_not_asked_for_ever()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Decide(context, Ask with { Approval = Ask.Approval! with { State = "approved" } }));
        await using var mesh = server.Client();

        await using var guard = await mesh.GuardAsync("deploy");

        Assert.Equal((false, 2), (guard.Granted, server.Requests.Count));
    }

    [Fact]
    public async Task An_approval_that_is_no_longer_needed_is_left_out()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Number == 1 ? Answers.Problem(context, "approval_not_needed") : Decide(context, Allow));
        await using var mesh = server.Client();

        await using var guard = await mesh.GuardAsync("deploy", options: new() { ApprovalId = "app-1" });

        Assert.Equal((true, null, 2), (guard.Granted, guard.ApprovalId, server.Requests.Count));
        Assert.DoesNotContain("approval_id", server.Requests.Last().Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_people_have_to_approve_is_not_done_because_the_service_is_away()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Number == 1 ? Decide(context, Ask) : Answers.Problem(context, "store_unavailable"));
        await using var mesh = server.Client();

        await using var guard = await mesh.GuardAsync("deploy", options: new()
        {
            OnApproval = OnApproval.Wait, OnUnavailable = OnUnavailable.Open, ApprovalTimeout = TimeSpan.FromSeconds(1),
        });

        Assert.Equal((false, false, "store_unavailable"), (guard.Granted, guard.Unprotected, guard.Denial!.Code));
    }

    [Fact]
    public async Task A_waiting_guard_asks_anew_when_the_policy_was_changed_meanwhile()
    {
        await using var server = await FaultServer.StartAsync((request, context) => (request.Path, request.Number) switch
        {
            (Check, 1) => Decide(context, Ask),
            (Approval, _) => Answers.Json(context, 200, Asked("superseded"), ApprovalsJson.Default.Approval),
            _ => Decide(context, Allow),
        });
        await using var mesh = server.Client();

        await using var guard = await mesh.GuardAsync("deploy", options: new() { OnApproval = OnApproval.Wait });

        Assert.True(guard.Granted);
        Assert.DoesNotContain("approval_id", server.Requests.Last().Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_that_leaves_while_the_policy_decides_gets_back_what_was_reserved()
    {
        using var patience = new CancellationTokenSource();
        await using var server = await FaultServer.StartAsync(async (request, context) =>
        {
            if (request.Path == Check)
            {
                await patience.CancelAsync();
                await Decide(context, Paid);
            }
            else
            {
                await Settle(context);
            }
        });
        await using var mesh = server.Client();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => mesh.GuardAsync("pay", cancellationToken: patience.Token));

        Assert.Equal("/v1/budgets/reservations/res-1/release {}", Settlements(server));
    }

    [Fact]
    public async Task A_caller_that_leaves_while_people_think_holds_nothing()
    {
        using var patience = new CancellationTokenSource();
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == Approval
            ? Answers.Json(context, 200, Asked("pending"), ApprovalsJson.Default.Approval)
            : Answers.Problem(context, "policy_denied", problem => problem with { Decision = Ask }));
        await using var mesh = server.Client();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            mesh.GuardAsync("deploy", "app/1", new() { OnApproval = OnApproval.Wait, OnWaiting = _ => patience.Cancel() }, patience.Token));

        Assert.Empty(mesh.Held);
        Assert.Equal(["/v1/locks", Approval], server.Requests.Select(request => request.Path).Distinct());
    }

    [Fact]
    public async Task What_was_reserved_for_an_action_that_never_began_is_given_back()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == Check ? Decide(context, Paid) : Settle(context));
        await using var mesh = server.Client();
        await using var guard = await mesh.GuardAsync("pay");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => guard.RunAsync(_ => Task.CompletedTask, new CancellationToken(canceled: true)));

        Assert.Equal("/v1/budgets/reservations/res-1/release {}", Settlements(server));
    }

    [Fact]
    public async Task What_nobody_reports_counts_in_full_and_the_last_word_on_a_cost_counts()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == Check ? Decide(context, Paid) : Settle(context));
        await using var mesh = server.Client();

        await using (await mesh.GuardAsync("pay"))
        {
        }
        var failing = await mesh.GuardAsync("pay");
        await Assert.ThrowsAsync<InvalidDataException>(() => failing.RunAsync(_ => throw new InvalidDataException()));
        var told = await mesh.GuardAsync("pay");
        await told.RunAsync(_ =>
        {
            told.Spent(7);
            told.Spent(new TokenUsage { Model = "gpt-4o-mini", OutputTokens = 3 }, actual: 8);
            return Task.CompletedTask;
        });

        Assert.Equal(
            """
            /v1/budgets/reservations/res-1/commit {"actual":2000000}
            /v1/budgets/reservations/res-1/commit {"actual":2000000}
            /v1/budgets/reservations/res-1/commit {"actual":8,"usage":{"model":"gpt-4o-mini","output_tokens":3}}
            """,
            Settlements(server));
    }

    [Fact]
    public async Task A_cost_that_could_not_be_posted_is_refused_while_somebody_is_there_to_hear_it()
    {
        var two = Allow with { Obligations = new PolicyObligations { Budget = [Reserved("res-1", "usd", 9), Reserved("res-1-2", "calls", 1)] } };
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == Check ? Decide(context, two) : Settle(context));
        await using var mesh = server.Client();
        await using (var guard = await mesh.GuardAsync("pay"))
        {
            Assert.Throws<ArgumentException>(() => guard.Spent(-1));
            Assert.Throws<ArgumentException>(() => guard.Spent(1, "res-7"));
            Assert.Contains("calls and usd", Assert.Throws<ArgumentException>(() => guard.Spent(1)).Message, StringComparison.Ordinal);
            guard.Spent(0);
            guard.Spent(3, "res-1");
        }

        Assert.Equal(
            """
            /v1/budgets/reservations/res-1/commit {"actual":3}
            /v1/budgets/reservations/res-1-2/commit {"actual":0}
            """,
            Settlements(server));
    }

    [Fact]
    public async Task A_cost_that_the_service_does_not_take_counts_in_full_and_is_told()
    {
        var warnings = new List<string>();
        await using var server = await FaultServer.StartAsync((request, context) => request switch
        {
            { Path: Check } => Decide(context, Paid),
            { Body: var body } when body.Contains("usage", StringComparison.Ordinal) => Answers.Problem(context, "model_unpriced"),
            _ => Settle(context),
        });
        await using var mesh = new MeshClient(new() { BaseUrls = [server.Url], OnWarning = warnings.Add });

        await using (var guard = await mesh.GuardAsync("pay"))
        {
            guard.Spent(new TokenUsage { Model = "moon-1" });
        }

        Assert.EndsWith("""commit {"actual":2000000}""", Settlements(server), StringComparison.Ordinal);
        Assert.Contains("all that was reserved counts", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("store_unavailable", true)]
    [InlineData("reservation_conflict", false)]
    public async Task A_settlement_never_throws_and_tells_of_what_still_holds(string code, bool isTold)
    {
        var warnings = new List<string>();
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == Check ? Decide(context, Paid) : Answers.Problem(context, code));
        await using var mesh = new MeshClient(new() { BaseUrls = [server.Url], OnWarning = warnings.Add, RetryFor = TimeSpan.Zero });

        Assert.Equal(7, await (await mesh.GuardAsync("pay")).RunAsync(_ => Task.FromResult(7)));

        Assert.Equal(isTold ? 1 : 0, warnings.Count(warning => warning.Contains("res-1 of pay was not settled, and holds 2000000 usd", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_wait_outlives_a_service_that_is_away_and_ends_with_what_it_saw()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Number switch
        {
            1 => Answers.Reset(context),
            2 => Answers.Problem(context, "store_unavailable"),
            < 6 => Answers.Json(context, 200, Asked("pending"), ApprovalsJson.Default.Approval),
            _ => Answers.Json(context, 200, Asked("denied"), ApprovalsJson.Default.Approval),
        });
        await using var mesh = server.Client();

        Assert.Equal("pending", (await mesh.Approvals.WaitAsync("app-1", TimeSpan.Zero)).State);
        Assert.Equal("denied", (await mesh.Approvals.WaitAsync("app-1", TimeSpan.FromSeconds(30))).State);
    }

    [Fact]
    public async Task A_duration_that_is_none_is_refused_before_anything_is_sent()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Decide(context, Allow));
        await using var mesh = server.Client();
        var endless = Timeout.InfiniteTimeSpan;

        await Assert.ThrowsAsync<ArgumentException>(() => mesh.GuardAsync("pay", options: new() { ApprovalTimeout = endless }));
        await Assert.ThrowsAsync<ArgumentException>(() => mesh.Approvals.WaitAsync("app-1", endless));
        await Assert.ThrowsAsync<ArgumentException>(() => mesh.Approvals.ApproveAsync("app-1", validFor: endless));
        await Assert.ThrowsAsync<ArgumentException>(() => mesh.Approvals.GrantAsync("ops", "pay", endless, 1));
        await Assert.ThrowsAsync<ArgumentException>(() => mesh.Budgets.ReserveAsync(["team"], 1, new() { Hold = endless }));
        await Assert.ThrowsAsync<ArgumentException>(() => mesh.Keys.CreateAsync("agent", new() { MaxTtl = endless }));
        await Assert.ThrowsAsync<ArgumentException>(() => mesh.Keys.RotateAsync("7e57", endless));

        Assert.Empty(server.Requests);
    }

    private static BudgetObligation Reserved(string id, string unit, long amount) => new()
    {
        Rule = "pay", ReservationId = id, Unit = unit, Amount = amount, ExpiresAt = Noon, ExpiresInMs = 600_000, Budgets = [],
    };

    private static Approval Asked(string state) => new()
    {
        ApprovalId = "app-1",
        Namespace = "default",
        State = state,
        AgentId = "tester",
        Action = "deploy",
        Metadata = JsonDocument.Parse("{}").RootElement,
        Rules = [],
        Policy = Allow.Policy,
        Group = "ops",
        Quorum = 1,
        Votes = [],
        Digest = "00",
        RequestedAt = Noon,
        ExpiresAt = Noon,
        ExpiresInMs = 1,
    };

    private static Task Decide(HttpContext context, PolicyDecision decision) => Answers.Json(context, 200, decision, PoliciesJson.Default.PolicyDecision);

    private static Task Settle(HttpContext context) => Answers.Json(
        context, 200,
        new Reservation
        {
            ReservationId = "res-1", Namespace = "default", AgentId = "tester", State = "committed", Unit = "usd", Amount = 1, CreatedAt = Noon, ExpiresAt = Noon, ExpiresInMs = 0, Budgets = [],
        },
        BudgetsJson.Default.Reservation);

    private static string Settlements(FaultServer server) => string.Join(
        Environment.NewLine, server.Requests.Where(request => request.Path.StartsWith("/v1/budgets", StringComparison.Ordinal)).Select(request => $"{request.Path} {request.Body}"));
}
