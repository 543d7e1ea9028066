using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>A valid question, with every default filled in.</summary>
internal sealed record PolicyQuestion
{
    public required string Namespace { get; init; }

    public required string AgentId { get; init; }

    public required string Action { get; init; }

    /// <summary>What it is about; all of them have to be allowed. None is allowed as well.</summary>
    public required IReadOnlyList<ResourceName> Resources { get; init; }

    /// <summary>The token of the caller's lease.</summary>
    public long? FencingToken { get; init; }

    /// <summary>Who takes a place in a rate: the same id takes once. Null: the decision itself, so each question takes. Reservations of budgets have it as their id.</summary>
    public string? RequestId { get; init; }

    public JsonElement? Metadata { get; init; }

    /// <summary>The run that the action belongs to.</summary>
    public string? RunId { get; init; }

    /// <summary>What the caller's key says of it; null while there are no keys, and its own word has to do.</summary>
    public KeyFacts? Facts { get; init; }

    /// <summary>The lease that is asked for together with the action, in the order of the resources; its grant meets a requirement of it. None in a plain check.</summary>
    public IReadOnlyList<RequestFacts> Requests { get; init; } = [];

    /// <summary>
    /// Who takes a place: one id with the same question. Another question under the same id is not the repetition of it.
    /// </summary>
    public string TakerOf(string decisionId)
    {
        if (RequestId is null)
        {
            return decisionId;
        }

        var question = string.Join('\u0001', [AgentId, Action, .. Resources.Select(resource => resource.Short), Metadata?.GetRawText() ?? "", .. RunId is null ? Array.Empty<string>() : [RunId]]);
        return $"{RequestId}.{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(question)).AsSpan(0, 12))}";
    }

    /// <summary>How long the action may have to wait before it can begin. What is reserved for it has to last that much longer.</summary>
    public long BeginsWithinMs { get; init; }

    /// <summary>What the action is for the store, when that is to happen in the step that takes what the rules require.</summary>
    public IObligedStep? Step { get; init; }

    /// <summary>The approval that the caller shows.</summary>
    public string? ApprovalId { get; init; }

    /// <summary>What the agent tells the people who decide.</summary>
    public string? Reason { get; init; }

    /// <summary>Only an approval is asked for: nothing is taken or used.</summary>
    public bool OnlyOpens { get; init; }

    /// <summary>Nothing is taken.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>What was taken when it was first asked stays taken: only the rules are asked again.</summary>
    public bool IsRepeated { get; init; }
}

/// <summary>A change of the store that is made together with taking what a policy requires for it, or not at all.</summary>
internal interface IObligedStep
{
    /// <summary>Where it is made. What is required of another partition cannot be taken in the same step.</summary>
    int Partition { get; }

    /// <summary>Runs the one script of both.</summary>
    /// <param name="stamp">What the decision will be.</param>
    /// <param name="taker">Who takes.</param>
    /// <param name="obligations">Arguments, as <c>Lua/_lib/obligations.lua</c> describes them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What the script said: <c>refused</c> or <c>done</c>, the store's time, and its answers to the requirements.</returns>
    ValueTask<Reply> RunAsync(PolicyStamp stamp, string taker, string[] obligations, CancellationToken cancellationToken);
}

/// <summary>What was decided, and what has to be given back if the action does not happen after all.</summary>
/// <param name="Decision">For the caller.</param>
/// <param name="Taken">Places in rates.</param>
/// <param name="At">When they were taken.</param>
internal sealed record PolicyAnswer(PolicyDecision Decision, IReadOnlyList<Obligation.Rate> Taken, DateTimeOffset At)
{
    /// <summary>Reservations of budgets, by their ids.</summary>
    public IReadOnlyList<string> Reserved { get; init; } = [];

    /// <summary>The approval whose use was taken by this very decision, and not by an earlier one of the same request.</summary>
    public Obligation.Grant? Used { get; init; }

    /// <summary>What people were asked.</summary>
    public KnownApproval? Asked { get; init; }
}
