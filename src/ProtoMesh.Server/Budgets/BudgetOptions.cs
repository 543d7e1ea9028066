using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Budgets;

/// <summary>Settings <c>Budgets:*</c>.</summary>
internal sealed class BudgetOptions
{
    /// <summary>A price table that replaces the built-in one, read at start. Default none.</summary>
    [MinLength(1)]
    public string? PriceFile { get; set; }
}

[OptionsValidator]
internal sealed partial class BudgetOptionsValidator : IValidateOptions<BudgetOptions>;
