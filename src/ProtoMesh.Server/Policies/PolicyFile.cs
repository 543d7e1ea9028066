using System.Text;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>
/// The document that <c>Policies:File</c> names, for the namespace <c>default</c>. It is activated when it is another one
/// than configuration activated last; what an operator activated since then stays as long as the file stays.
/// </summary>
internal sealed partial class PolicyFile(PolicyStore store, IOptions<PolicyOptions> options, ILogger<PolicyFile> log)
{
    /// <summary>Who activates what the file says; callers cannot take this name.</summary>
    public const string By = "configuration";
    private const string Setting = "Policies:File";

    /// <summary>The file's policy; null when none is named.</summary>
    /// <exception cref="OptionsValidationException">It cannot be used; the sentence has every error and its place.</exception>
    public async Task<PolicySet?> ReadAsync(CancellationToken cancellationToken)
    {
        if (options.Value.File is not { } path)
        {
            return null;
        }

        var load = PolicySet.Load(await TextAsync(path, cancellationToken));
        var set = load.Set ?? throw Refuse($"cannot be used: {PolicyErrors.Sentence(load, path)}");
        return BuiltInPolicies.Named(set.Name) is null ? set : throw Refuse($"cannot be used: {path}: the name '{set.Name}' is reserved; give the document another one.");
    }

    /// <summary>Makes the file's policy the active one, once for all replicas that start with it.</summary>
    public async Task ActivateAsync(PolicySet set, CancellationToken cancellationToken)
    {
        const string Space = ResourceName.DefaultNamespace;
        while (true)
        {
            var revision = (await store.ActiveAsync(Space, cancellationToken))?.Revision ?? 0;
            if (await store.ActivatedByAsync(Space, By, cancellationToken) is { } last && last.Name == set.Name && last.Sha256 == set.Sha256)
            {
                return;
            }

            var row = await store.WithDigestAsync(Space, set.Name, set.Sha256, cancellationToken)
                ?? (await store.PutAsync(Space, set, By, null, cancellationToken)).Row;

            // Whoever loses against another replica finds that replica's activation in the next round.
            if (await store.ActivateAsync(Space, set.Name, row.Version, set.Sha256, By, revision, cancellationToken) is ActivationOutcome.Activated activated)
            {
                LogActivated(log, set.Name, row.Version, activated.Row.Revision);
                return;
            }
        }
    }

    private static async Task<string> TextAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return PolicyText.Read(await File.ReadAllBytesAsync(path, cancellationToken)) ?? throw Refuse($"cannot be used: {path} is not UTF-8 text.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw Refuse($"cannot be read: {failure.Message}");
        }
    }

    private static OptionsValidationException Refuse(string why) => new(Setting, typeof(PolicyOptions), [$"{Setting} {why}"]);

    [LoggerMessage(3105, LogLevel.Information, "The policy {Name} of Policies:File is version {Version} and decides in namespace default; revision {Revision}.")]
    private static partial void LogActivated(ILogger log, string name, int version, long revision);
}

/// <summary>A document's bytes as text.</summary>
internal static class PolicyText
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Without a byte order mark; null when it is no UTF-8 or has a NUL, which no database keeps.</summary>
    public static string? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Contains((byte)0))
        {
            return null;
        }

        try
        {
            return Strict.GetString(bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
