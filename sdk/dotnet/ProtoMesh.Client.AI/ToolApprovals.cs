using Microsoft.Extensions.AI;
using ProtoMesh.Contracts.Approvals;

namespace ProtoMesh.AI;

/// <summary>
/// The approval pause of <c>Microsoft.Extensions.AI</c>, decided by the people that the policy names. A protected tool inside
/// an <see cref="ApprovalRequiredAIFunction"/> is held back by the framework, which hands out a
/// <see cref="ToolApprovalRequestContent"/>; the answer to it comes from here, also in another process.
/// </summary>
public static class ToolApprovals
{
    private const string ApprovalId = "protomesh_approval_id";

    /// <summary>
    /// Opens an approval for the call and waits for it. The request remembers it, so a conversation that was stored meanwhile
    /// goes on waiting for the same one.
    /// </summary>
    /// <param name="request">What the framework asks.</param>
    /// <param name="tool">The protected tool, or one around it.</param>
    /// <param name="timeout">How long to wait; zero only looks.</param>
    /// <param name="cancellationToken">Ends the waiting; the approval stays open.</param>
    /// <returns>What to answer the framework, or null while nobody has decided. A call that needs no approval is approved.</returns>
    /// <exception cref="ArgumentException">The tool is not protected, or the call is not one of a function.</exception>
    /// <exception cref="UnavailableException">The service could not be reached.</exception>
    public static async Task<ToolApprovalResponseContent?> DecideAsync(
        this ToolApprovalRequestContent request, AIFunction tool, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        var guarded = tool.GetService<ProtectedAIFunction>() ?? throw new ArgumentException($"The tool {tool.Name} is not protected.", nameof(tool));
        var call = request.ToolCall as FunctionCallContent ?? throw new ArgumentException("Only calls of functions can be decided.", nameof(request));
        try
        {
            var approval = await OpenAsync(request, guarded, call, cancellationToken);
            if (approval?.State == "pending")
            {
                approval = await guarded.Mesh.Approvals.WaitAsync(approval.ApprovalId, timeout, cancellationToken);
            }
            return approval?.State switch
            {
                null or "approved" => request.CreateResponse(approved: true, CommentOf(approval)),
                "pending" => null,
                var state => request.CreateResponse(approved: false, CommentOf(approval) ?? $"The approval {approval.ApprovalId} is {state}."),
            };
        }
        catch (PolicyDeniedException refusal)
        {
            return request.CreateResponse(approved: false, refusal.Message);
        }
    }

    private static async Task<Approval?> OpenAsync(
        ToolApprovalRequestContent request, ProtectedAIFunction tool, FunctionCallContent call, CancellationToken cancellationToken)
    {
        // A conversation that was stored as JSON has its text as an element.
        if (request.AdditionalProperties?.TryGetValue(ApprovalId, out var known) == true && known is not null)
        {
            return await tool.Mesh.Approvals.GetAsync($"{known}", cancellationToken);
        }
        var opened = await tool.RequestApprovalAsync(new AIFunctionArguments(call.Arguments), cancellationToken);
        if (opened is not null)
        {
            (request.AdditionalProperties ??= [])[ApprovalId] = opened.ApprovalId;
        }
        return opened;
    }

    private static string? CommentOf(Approval? approval) => approval?.Votes.LastOrDefault(vote => vote.Comment is not null)?.Comment;
}
