using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;

namespace ProtoMesh.Server.Approvals.Webhooks;

/// <summary>An address that is told of approvals, as <see href="https://www.standardwebhooks.com">Standard Webhooks</see> has it.</summary>
internal sealed class WebhookTarget : IValidatableObject
{
    private const string SecretPrefix = "whsec_";

    /// <summary>Where to: http or https, without a user.</summary>
    public string Url { get; set; } = "";

    /// <summary><c>whsec_</c> and the base64 of 24 to 64 bytes, which both sides know. It is kept in the configuration alone.</summary>
    public string Secret { get; set; } = "";

    /// <summary>Whether the address may be one of this machine or of a private network. Default no.</summary>
    public bool AllowPrivate { get; set; }

    /// <summary>What its messages are found by.</summary>
    internal string Id => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Url)).AsSpan(0, 8));

    /// <summary>What both sides sign with.</summary>
    internal byte[] Key => Convert.FromBase64String(Secret[SecretPrefix.Length..]);

    /// <summary>The values may have secrets in them, so they are not repeated.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.UserInfo.Length > 0)
        {
            yield return new ValidationResult("Approvals:Webhooks:Url has to be an address such as https://hooks.example.com/approvals, without a user.", [nameof(Url)]);
        }

        var key = new byte[Secret.Length];
        if (!Secret.StartsWith(SecretPrefix, StringComparison.Ordinal) || !Convert.TryFromBase64String(Secret[SecretPrefix.Length..], key, out var length) || length is < 24 or > 64)
        {
            yield return new ValidationResult("Approvals:Webhooks:Secret has to be whsec_ and the base64 of 24 to 64 bytes.", [nameof(Secret)]);
        }
    }
}
