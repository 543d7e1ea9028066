using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Policies;

/// <summary>Settings <c>Policies:*</c>.</summary>
internal sealed class PolicyOptions
{
    /// <summary>What rules may trust of resources; the longest prefix that fits decides. Default none.</summary>
    [ValidateEnumeratedItems]
    public IList<KnownResource> Resources { get; set; } = [];

    /// <summary>
    /// A document that decides in the namespace <c>default</c>, read at start. Default none. It is activated when it is
    /// another one than the file activated last; what an operator activates stays until the file changes.
    /// </summary>
    [MinLength(1)]
    public string? File { get; set; }

    /// <summary>50 to 60,000 ms between two looks for policies that other replicas activated. Default 500.</summary>
    [Range(50, 60_000)]
    public int RefreshMs { get; set; } = 500;

    /// <summary>0 to 1: the part of the allows that the decision log keeps; denies and approvals are all kept. Default 1.</summary>
    [Range(0.0, 1.0)]
    public double AllowSample { get; set; } = 1;

    /// <summary>0 to 1,000,000: how many allows a replica keeps in a second at most, so that the log does not slow down what it records. Default 100.</summary>
    [Range(0, 1_000_000)]
    public int AllowsPerSecond { get; set; } = 100;

    /// <summary>1 to 36,500 days, after which a decision is deleted. Default 90.</summary>
    [Range(1, 36_500)]
    public int DecisionRetentionDays { get; set; } = 90;
}

/// <summary>The team and the labels of every resource that starts with a prefix, such as <c>customer/</c>.</summary>
internal sealed class KnownResource
{
    /// <summary>The start of <c>type/id</c>, at least its type: 1 to 577 characters.</summary>
    [Required]
    [StringLength(577, MinimumLength = 1)]
    public string Prefix { get; set; } = "";

    /// <summary>Only in this namespace; default all.</summary>
    [RegularExpression("^[a-z0-9-]{1,40}$")]
    public string? Namespace { get; set; }

    /// <summary><c>resource.team</c>: at most 128 characters.</summary>
    [StringLength(128, MinimumLength = 1)]
    public string? Team { get; set; }

    /// <summary><c>resource.labels</c>.</summary>
    public IDictionary<string, string> Labels { get; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

[OptionsValidator]
internal sealed partial class PolicyOptionsValidator : IValidateOptions<PolicyOptions>;
