using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Store;

/// <summary>Settings <c>Store:*</c>.</summary>
internal sealed class StoreOptions
{
    /// <summary>Where the embedded store and SQLite keep their files. Default <c>./data</c>.</summary>
    [Required]
    public string DataFolder { get; set; } = "./data";

    /// <summary>1 to 1,024; fixed when a store is first used. Default 1, and 64 on a Redis Cluster.</summary>
    [Range(1, 1024)]
    public int? Partitions { get; set; }

    /// <summary>
    /// What decides a resource's partition: <c>resource</c> (its whole name), <c>prefix</c> (its type and the part of its id
    /// before the first <c>/</c>), <c>type</c>, or <c>namespace</c>. Fixed when a store is first used. Default <c>resource</c>.
    /// </summary>
    [RegularExpression("^(resource|prefix|type|namespace)$")]
    public string GroupBy { get; set; } = "resource";
}

[OptionsValidator]
internal sealed partial class StoreOptionsValidator : IValidateOptions<StoreOptions>;
