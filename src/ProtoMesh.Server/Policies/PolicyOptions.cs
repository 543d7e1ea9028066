using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Policies;

/// <summary>Settings <c>Policies:*</c>.</summary>
internal sealed class PolicyOptions
{
    /// <summary>What rules may trust of resources; the longest prefix that fits decides. Default none.</summary>
    [ValidateEnumeratedItems]
    public IList<KnownResource> Resources { get; set; } = [];
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
