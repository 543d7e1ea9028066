using System.Globalization;

namespace ProtoMesh.Server.Budgets;

/// <summary>Whole numbers of a unit; micro-dollars of <c>usd</c>.</summary>
internal static class BudgetAmounts
{
    public const string Usd = "usd";
    public const string Tokens = "tokens";
    public const long Most = 9_000_000_000_000_000;
    public const string Rule = "a whole number, 0 to 9000000000000000; micro-dollars for usd";
    private const decimal MicrosInOne = 1_000_000;

    /// <summary>Dollars as micro-dollars, rounded up; null when they are none or too many.</summary>
    public static long? OfDollars(decimal dollars) => dollars is >= 0 and <= Most / MicrosInOne ? (long)decimal.Ceiling(dollars * MicrosInOne) : null;

    /// <summary>As a person reads it: <c>1.20 USD</c>, <c>1200 tokens</c>.</summary>
    public static string Shown(long amount, string unit) => unit != Usd ? string.Create(CultureInfo.InvariantCulture, $"{amount} {unit}")
        : string.Create(CultureInfo.InvariantCulture, $"{(amount % MicrosInOne == 0 ? (amount / MicrosInOne).ToString("0", CultureInfo.InvariantCulture) : (amount / MicrosInOne).ToString("0.00####", CultureInfo.InvariantCulture))} USD");
}
