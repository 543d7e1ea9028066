using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.AI;

/// <summary>
/// What a call of a tool needs before it may run, derived from the call's own arguments. Arguments that a model wrote are
/// mostly <see cref="System.Text.Json.JsonElement"/>s, whose text is what <c>$"{arguments["id"]}"</c> writes.
/// </summary>
public sealed record ToolRule
{
    /// <summary>The action that the policy decides, such as <c>refund</c>; the tool's name.</summary>
    public Func<AIFunctionArguments, string>? Action { get; init; }

    /// <summary>
    /// The <c>type/id</c> that the call needs for itself, or several as a list of names; null or none asks the policy alone
    /// and takes no lease.
    /// </summary>
    public Func<AIFunctionArguments, IReadOnlyList<ResourceRequest>?>? Resources { get; init; }

    /// <summary>
    /// What the policy's rules read of the call; nothing. <see cref="ActionMetadata.From"/> gives them all arguments.
    /// </summary>
    public Func<AIFunctionArguments, JsonObject?>? Metadata { get; init; }

    /// <summary>
    /// Priority, waiting time and so on of the lease, and whether a call waits for people who have to approve it; what the
    /// functions above derive goes before it. It cannot have a <see cref="LeaseOptions.RequestId"/>: calls with one id share
    /// one lease, and each call needs its own.
    /// </summary>
    public GuardOptions Options { get; init; } = new();

    /// <summary>The tool's name is the action, and one resource is needed.</summary>
    /// <param name="resource">The <c>type/id</c> of a call.</param>
    public static ToolRule For(Func<AIFunctionArguments, string> resource) => new() { Resources = arguments => [resource(arguments)] };
}
