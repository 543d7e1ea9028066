using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Journal;

/// <summary>Settings <c>Journal:*</c>.</summary>
internal sealed class JournalOptions
{
    /// <summary>1 to 36,500 days, after which an event is deleted. Default 90.</summary>
    [Range(1, 36_500)]
    public int RetentionDays { get; set; } = 90;

    /// <summary>100 to 60,000 ms that a <c>journaled</c> request waits for its event to be committed. Default 2,000.</summary>
    [Range(100, 60_000)]
    public int TimeoutMs { get; set; } = 2_000;
}

[OptionsValidator]
internal sealed partial class JournalOptionsValidator : IValidateOptions<JournalOptions>;
