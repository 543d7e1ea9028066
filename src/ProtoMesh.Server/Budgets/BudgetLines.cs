using System.Globalization;
using System.Text;
using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Server.Budgets;

/// <summary>One counter that is to be used: a budget and whose.</summary>
internal readonly record struct BudgetSlot(BudgetDefinition Budget, string Key)
{
    public const string KeyRule = "1 to 128 bytes without control characters";

    /// <summary>What may name a counter.</summary>
    public static bool IsKey(string text) => text.Length is > 0 and <= 128 && Encoding.UTF8.GetByteCount(text) <= 128 && !text.Any(char.IsControl);

    /// <summary>As <c>counters.lua</c> reads it.</summary>
    public string Text(DateTimeOffset now) => string.Join('\u0003', Budget.Name, Key, Number(Budget.Cap), string.Join(',', Budget.Alerts.Select(alert => Number(alert))), Budget.Window.Shape, Window(now), Budget.Unit);

    /// <summary>The window's ends in ms; empty where it has none.</summary>
    public string Window(DateTimeOffset now) => Budget.Window.At(now) is var (start, end) ? $"{Number(start.ToUnixTimeMilliseconds())},{Number(end.ToUnixTimeMilliseconds())}" : "";

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What the store says of a counter.</summary>
internal sealed record CounterView(string Name, string Key, long Cap, string Shape, string Window, string Unit, long Spent, long Held, long ToppedUp, long Disputed, string Event)
{
    public long Limit => Cap + ToppedUp;

    public long Left => Math.Max(0, Limit - Spent - Held);

    public DateTimeOffset? StartedAt => Ends is var (start, _) ? start : null;

    public DateTimeOffset? EndsAt => Ends is var (_, end) ? end : null;

    public BudgetLine Line => new()
    {
        Name = Name, Key = Key.Length > 0 ? Key : null, Cap = Limit, Spent = Spent, Held = Held, Left = Left, WindowStartedAt = StartedAt, WindowEndsAt = EndsAt,
    };

    private (DateTimeOffset, DateTimeOffset)? Ends => Window.Split(',') is [var start, var end] ? (Time(start), Time(end)) : null;

    /// <summary>Reads what <c>line_view</c> wrote.</summary>
    public static CounterView Parse(string text)
    {
        var parts = text.Split('\u0003');
        return new CounterView(parts[0], parts[1], Number(parts[2]), parts[4], parts[5], parts[6], Number(parts[7]), Number(parts[8]), Number(parts[9]), Number(parts[10]), parts[11]);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static DateTimeOffset Time(string ms) => DateTimeOffset.FromUnixTimeMilliseconds(Number(ms));
}
