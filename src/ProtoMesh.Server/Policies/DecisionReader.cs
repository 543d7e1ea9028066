using System.Linq.Expressions;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>Which decisions are asked for; null means any.</summary>
internal sealed record DecisionFilter(string? Namespace, string? AgentId, string? Action, string? Decision, string? Policy)
{
    private const string List = "decisions";

    /// <summary>A token that fits this filter only.</summary>
    public string TokenFor(string decisionId) => PageTokens.Make(List, $"{decisionId} {Seal()}");

    /// <summary>False for a token of another list or filter.</summary>
    public bool TryReadToken(string? token, out string? before)
    {
        before = null;
        if (!PageTokens.TryRead(List, token, out var text) || (text is not null && !(text.Split(' ') is [var id, var seal] && Guid.TryParse(id, out _) && seal == Seal())))
        {
            return false;
        }

        before = text?.Split(' ')[0];
        return true;
    }

    /// <summary>Catches mistakes, not attacks: a place in a list is no secret.</summary>
    private string Seal() => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Namespace, AgentId, Action, Decision, Policy))).AsSpan(0, 6));
}

/// <summary>Reads the decision log, newest first.</summary>
internal sealed class DecisionReader(IDbContextFactory<MeshDb> factory)
{
    /// <summary>A list does without what is large.</summary>
    private static readonly Expression<Func<DecisionRow, DecisionRow>> Short = row => new DecisionRow
    {
        DecisionId = row.DecisionId, At = row.At, Namespace = row.Namespace, AgentId = row.AgentId, Action = row.Action, Resource = row.Resource,
        PolicyName = row.PolicyName, PolicyVersion = row.PolicyVersion, PolicySha256 = row.PolicySha256, Decision = row.Decision, Would = row.Would,
        DryRun = row.DryRun, Rules = row.Rules, Inputs = "", Facts = "", Reasons = "", LatencyUs = row.LatencyUs,
    };

    public async Task<List<DecisionRow>> ListAsync(DecisionFilter filter, string? before, int limit, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(filter.Namespace, cancellationToken);
        var rows = db.Set<DecisionRow>().AsNoTracking();
        rows = filter.Namespace is { } space ? rows.Where(row => row.Namespace == space) : rows;
        rows = filter.AgentId is { } agent ? rows.Where(row => row.AgentId == agent) : rows;
        rows = filter.Action is { } action ? rows.Where(row => row.Action == action) : rows;
        rows = filter.Decision is { } decision ? rows.Where(row => row.Decision == decision) : rows;
        rows = filter.Policy is { } policy ? rows.Where(row => row.PolicyName == policy) : rows;
        rows = before is not null ? rows.Where(row => string.Compare(row.DecisionId, before) < 0) : rows;
        return await rows.OrderByDescending(row => row.DecisionId).Take(limit).Select(Short).ToListAsync(cancellationToken);
    }

    /// <param name="space">Only when it is of this namespace; null for any.</param>
    /// <param name="decisionId">Which decision.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<DecisionRow?> FindAsync(string? space, string decisionId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateConfinedAsync(space, cancellationToken);
        return await db.Set<DecisionRow>().AsNoTracking().FirstOrDefaultAsync(row => row.DecisionId == decisionId, cancellationToken);
    }
}
