using System.Text.Json;
using Microsoft.Extensions.AI;
using ProtoMesh.Contracts.Approvals;

namespace ProtoMesh.AI;

/// <summary>
/// A tool that runs only when the policy allows the call, and under a lease on what it touches. Whatever stands against it
/// comes back as the call's result, in words that a model can act on: frameworks hide, repeat or die of what a tool throws.
/// </summary>
/// <param name="innerFunction">The tool.</param>
/// <param name="mesh">Decides and locks.</param>
/// <param name="rule">What a call needs; an <see cref="ArgumentException"/> refuses one that sets a request id.</param>
public sealed class ProtectedAIFunction(AIFunction innerFunction, MeshClient mesh, ToolRule rule) : DelegatingAIFunction(innerFunction)
{
    private static readonly AsyncLocal<Guard?> Current = new();

    private readonly ToolRule _rule = rule.Options.RequestId is null ? rule
        : throw new ArgumentException("A rule cannot set RequestId: calls with one id share one lease, and each call needs its own.", nameof(rule));

    /// <summary>
    /// Under what the running call runs: for the tool that writes, its lease's <see cref="Lease.FencingToken"/>. Null outside
    /// of a protected call.
    /// </summary>
    public static Guard? CurrentGuard => Current.Value;

    /// <inheritdoc/>
    protected override async ValueTask<object?> InvokeCoreAsync(AIFunctionArguments arguments, CancellationToken cancellationToken)
    {
        Guard guard;
        try
        {
            guard = await AskAsync(arguments, cancellationToken);
        }
        catch (Exception fault) when (fault is KeyNotFoundException or ArgumentException or FormatException or JsonException or InvalidOperationException)
        {
            // The model wrote these arguments, and it can write better ones. Nothing may run that nobody could protect.
            return $"Not done: {Name}. Its arguments do not say what it needs: {fault.Message}";
        }
        await using (guard)
        {
            if (!guard.Granted)
            {
                return guard.Denial.Text;
            }
            Current.Value = guard;
            try
            {
                return await guard.RunAsync(stop => base.InvokeCoreAsync(arguments, stop).AsTask(), cancellationToken);
            }
            catch (LeaseLostException) when (guard.Text is not null)
            {
                return guard.Text;
            }
        }
    }

    /// <summary>
    /// Asks people to approve a call before it is made, for frameworks that hold it back meanwhile; once they have, the same
    /// call of the same agent runs. While such a request is pending it is that one.
    /// </summary>
    /// <param name="arguments">The call's.</param>
    /// <param name="cancellationToken">Gives up asking.</param>
    /// <returns>Null when nobody has to approve this call.</returns>
    /// <exception cref="PolicyDeniedException">The policy forbids it, whatever people say.</exception>
    public async Task<Approval?> RequestApprovalAsync(AIFunctionArguments arguments, CancellationToken cancellationToken = default)
    {
        var (action, options) = (ActionOf(arguments), OptionsOf(arguments));
        var asked = new ApprovalOptions
        {
            Metadata = options.Metadata,
            RunId = options.RunId,
            Reason = options.Reason,
            AgentId = options.AgentId,
            Namespace = options.Namespace,
        };
        try
        {
            return await (_rule.Resources?.Invoke(arguments) switch
            {
                null or [] => mesh.Approvals.RequestAsync(action, resource: null, asked, cancellationToken),
                [{ Resource: var only }] => mesh.Approvals.RequestAsync(action, only, asked, cancellationToken),
                var several => mesh.Approvals.RequestAsync(action, [.. several.Select(one => one.Resource!)], asked, cancellationToken),
            });
        }
        catch (ConflictException refusal) when (refusal.Code == "approval_not_needed")
        {
            return null;
        }
    }

    internal MeshClient Mesh => mesh;

    private string ActionOf(AIFunctionArguments arguments) => _rule.Action?.Invoke(arguments) ?? Name;

    private GuardOptions OptionsOf(AIFunctionArguments arguments) =>
        _rule.Metadata is null ? _rule.Options : _rule.Options with { Metadata = _rule.Metadata(arguments) };

    private Task<Guard> AskAsync(AIFunctionArguments arguments, CancellationToken cancellationToken)
    {
        var (action, options) = (ActionOf(arguments), OptionsOf(arguments));
        return _rule.Resources?.Invoke(arguments) switch
        {
            null or [] => mesh.GuardAsync(action, resource: null, options, cancellationToken),
            [{ Mode: null, Capacity: null, Units: null, Resource: { } only }] => mesh.GuardAsync(action, only, options, cancellationToken),
            var resources => mesh.GuardAsync(action, resources, options, cancellationToken),
        };
    }
}
