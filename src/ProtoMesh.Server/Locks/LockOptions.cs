using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Locks;

/// <summary>Settings <c>Locks:*</c>; times are milliseconds.</summary>
internal sealed class LockOptions
{
    /// <summary>The ttl of a request that names none: 1,000 to <see cref="MaxTtlMs"/>. Default 30,000.</summary>
    [Range(1_000, 3_600_000)]
    public int DefaultTtlMs { get; set; } = 30_000;

    /// <summary>The longest ttl that a request may ask for: 1,000 to 3,600,000. Default 300,000.</summary>
    [Range(1_000, 3_600_000)]
    public int MaxTtlMs { get; set; } = 300_000;

    /// <summary>
    /// What one level of priority is worth in time already waited: 0 is first in, first out; -1 is strict priority.
    /// At most 86,400,000. Default 300,000.
    /// </summary>
    [Range(-1, 86_400_000)]
    public int AgeingMs { get; set; } = 300_000;

    /// <summary>A waiter that nobody asks for is dropped after this time: 1,000 to 600,000. Default 15,000.</summary>
    [Range(1_000, 600_000)]
    public int WaiterLivenessMs { get; set; } = 15_000;

    /// <summary>A grant that its owner does not read within this time goes on to the next: 100 to 600,000. Default 10,000.</summary>
    [Range(100, 600_000)]
    public int ClaimMs { get; set; } = 10_000;

    /// <summary>How long an ended request stays readable: 1,000 to 86,400,000. Default 120,000.</summary>
    [Range(1_000, 86_400_000)]
    public int RetentionMs { get; set; } = 120_000;

    /// <summary>How long a free resource's past holders are remembered: 1,000 to 86,400,000. Default 600,000.</summary>
    [Range(1_000, 86_400_000)]
    public int MemoryMs { get; set; } = 600_000;

    /// <summary>The most requests that may wait for one resource: 1 to 100,000. Default 100,000.</summary>
    [Range(1, 100_000)]
    public int MaxQueue { get; set; } = 100_000;

    /// <summary>How often each partition is looked at for what is due, besides the timers: 10 to 10,000. Default 500.</summary>
    [Range(10, 10_000)]
    public int SweepMs { get; set; } = 500;

    /// <summary>The durability of requests that name none: <c>fast</c> or <c>journaled</c>. Default <c>fast</c>.</summary>
    [RegularExpression("^(fast|journaled)$")]
    public string Durability { get; set; } = "fast";

    /// <summary>ARGV[2] of every lease script.</summary>
    public string ForScripts => $"{AgeingMs} {WaiterLivenessMs} {ClaimMs} {RetentionMs} {MemoryMs} {MaxQueue}";
}

[OptionsValidator]
internal sealed partial class LockOptionsValidator : IValidateOptions<LockOptions>;
