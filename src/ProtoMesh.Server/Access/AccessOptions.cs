using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Access;

/// <summary>Settings <c>Auth:*</c>.</summary>
internal sealed class AccessOptions : IValidatableObject
{
    /// <summary>
    /// A key in full, <c>pm_{id}_{secret}_{crc}</c>, that becomes the first admin key. Default none. It changes nothing
    /// where an admin key is there already, or when it was revoked.
    /// </summary>
    public string? BootstrapKey { get; set; }

    /// <summary>50 to 60,000 ms between two looks for keys that other replicas made, rotated or revoked. Default 500.</summary>
    [Range(50, 60_000)]
    public int RefreshMs { get; set; } = 500;

    /// <summary>The value is a secret, so it is not repeated.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!string.IsNullOrEmpty(BootstrapKey) && !KeyText.TryRead(BootstrapKey, out _, out _))
        {
            yield return new ValidationResult($"Auth:BootstrapKey is not a key: it has to be {KeyText.Rule}.", [nameof(BootstrapKey)]);
        }
    }
}

[OptionsValidator]
internal sealed partial class AccessOptionsValidator : IValidateOptions<AccessOptions>;
