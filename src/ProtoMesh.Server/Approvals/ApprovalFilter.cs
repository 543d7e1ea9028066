using ProtoMesh.Server.Access;

namespace ProtoMesh.Server.Approvals;

/// <summary>Which approvals a list is of. What a caller does not see is not there for it.</summary>
internal sealed record ApprovalFilter(string? Namespace, string? State, string? AgentId, string? Group, string? Action, Caller Caller)
{
    public IQueryable<ApprovalRow> Of(IQueryable<ApprovalRow> rows)
    {
        var (space, state, agent, group, action) = (Namespace, State, AgentId, Group, Action);
        rows = space is null ? rows : rows.Where(row => row.Namespace == space);
        rows = state is null ? rows : rows.Where(row => row.State == state);
        rows = agent is null ? rows : rows.Where(row => row.AgentId == agent);
        rows = group is null ? rows : rows.Where(row => row.ApproverGroup == group);
        rows = action is null ? rows : rows.Where(row => row.Action == action);
        var (only, prefix) = (Caller.OnlyAgent, Caller.OnlyAgentsFrom);
        rows = only is null ? rows : rows.Where(row => row.AgentId == only);
        return prefix is null ? rows : rows.Where(row => row.AgentId.Substring(0, prefix.Length) == prefix);
    }
}
