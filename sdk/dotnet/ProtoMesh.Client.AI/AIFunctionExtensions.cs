using Microsoft.Extensions.AI;

namespace ProtoMesh.AI;

/// <summary>Protects tools.</summary>
public static class AIFunctionExtensions
{
    /// <summary>The same tool, which asks the policy and takes a lease before each call.</summary>
    /// <param name="function">The tool.</param>
    /// <param name="mesh">Decides and locks; it has to live as long as the tool.</param>
    /// <param name="rule">What a call needs; by default only that the policy allows an action of the tool's name.</param>
    public static AIFunction Protect(this AIFunction function, MeshClient mesh, ToolRule? rule = null) =>
        new ProtectedAIFunction(function, mesh, rule ?? new ToolRule());

    /// <inheritdoc cref="Protect(AIFunction, MeshClient, ToolRule?)"/>
    /// <param name="resource">The <c>type/id</c> that a call needs for itself, such as <c>call => $"customer/{call["id"]}"</c>.</param>
    public static AIFunction Protect(this AIFunction function, MeshClient mesh, Func<AIFunctionArguments, string> resource) =>
        function.Protect(mesh, ToolRule.For(resource));
}
