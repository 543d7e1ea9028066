using System.Globalization;
using ProtoMesh.Contracts.Budgets;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ProtoMesh.Server.Budgets;

/// <summary>What models cost. Costs are worked out in decimals, and rounded up to whole micro-dollars at the end.</summary>
internal sealed class PriceTable
{
    private readonly PriceList _list;
    private readonly ModelPrice? _worstCase;

    private PriceTable(PriceList list, ModelPrice? worstCase) => (_list, _worstCase) = (list, worstCase);

    /// <summary>The table of the settings, or the built-in one.</summary>
    /// <exception cref="InvalidOperationException">The file cannot be read, or is no table.</exception>
    public static PriceTable Of(BudgetOptions options) => options.PriceFile is { } file ? ReadFile(file) : BuiltIn();

    public PriceList Shown => _list;

    public string Version => _list.Version;

    /// <summary>The cost in micro-dollars; null when the table does not have the model at that time, nor a worst case.</summary>
    public (long Micros, bool IsPriced)? CostOf(TokenUsage usage, DateTimeOffset at)
    {
        var day = DateOnly.FromDateTime(at.UtcDateTime);
        var known = _list.Models.Where(price => price.Model == usage.Model && price.From <= day).MaxBy(price => price.From);
        if ((known ?? _worstCase) is not { } price)
        {
            return null;
        }

        // Dollars for a million tokens are micro-dollars for one.
        var micros = ((usage.InputTokens ?? 0) * price.Input) + ((usage.CachedInputTokens ?? 0) * (price.CachedInput ?? price.Input))
            + ((usage.CacheWriteTokens ?? 0) * (price.CacheWrite ?? price.Input)) + ((usage.OutputTokens ?? 0) * price.Output);
        var cost = decimal.Ceiling(micros * (usage.Batch == true ? price.Batch ?? 1 : 1));
        return ((long)Math.Min(cost, BudgetAmounts.Most), known is not null);
    }

    /// <summary>Whether a claimed cost is as far from the recomputed one as nobody should be.</summary>
    public bool IsDisputed(long claimed, long recomputed) => Math.Abs((decimal)claimed - recomputed) > decimal.Ceiling(recomputed * _list.TolerancePercent / 100);

    /// <summary>Reads a table.</summary>
    /// <exception cref="InvalidOperationException">It is not one; the message is one sentence.</exception>
    public static PriceTable Read(string source, string file)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(source));
            if (stream.Documents is not [{ RootNode: YamlMappingNode root }])
            {
                throw new FormatException("it is no map");
            }

            var table = new PriceFields(root, "the table", "version", "tolerance_percent", "worst_case", "models");
            var models = new List<ModelPrice>();
            foreach (var node in table.List("models"))
            {
                var fields = new PriceFields(node, "a model", "model", "from", "input", "cached_input", "cache_write", "output", "batch");
                models.Add(PriceOf(fields, fields.Text("model"), DateOnly.ParseExact(fields.Text("from"), "yyyy-MM-dd", CultureInfo.InvariantCulture)));
            }

            if (models.GroupBy(price => (price.Model, price.From)).FirstOrDefault(same => same.Count() > 1) is { } twice)
            {
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"it has two prices of {twice.Key.Model} from {twice.Key.From:yyyy-MM-dd}"));
            }

            var worst = table.Map("worst_case") is { } map ? PriceOf(new PriceFields(map, "worst_case", "input", "cached_input", "cache_write", "output"), "", default) : null;
            var tolerance = table.Number("tolerance_percent") ?? 5;
            return tolerance > 100 ? throw new FormatException("tolerance_percent is 0 to 100")
                : new PriceTable(new PriceList { Version = table.Text("version"), TolerancePercent = tolerance, Models = models }, worst);
        }
        catch (Exception failure) when (failure is FormatException or YamlException or ArgumentException)
        {
            throw new InvalidOperationException($"The price table {file} cannot be used: {failure.Message.TrimEnd('.')}.");
        }
    }

    public static PriceTable BuiltIn()
    {
        using var stream = typeof(PriceTable).Assembly.GetManifestResourceStream("Budgets/prices.yaml")!;
        return Read(new StreamReader(stream).ReadToEnd(), "prices.yaml");
    }

    private static PriceTable ReadFile(string file)
    {
        try
        {
            return Read(File.ReadAllText(file), file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The price table {file} of Budgets:PriceFile cannot be read: {failure.Message.TrimEnd('.')}.");
        }
    }

    private static ModelPrice PriceOf(PriceFields fields, string model, DateOnly from) => new()
    {
        Model = model, From = from, Input = fields.Price("input"), CachedInput = fields.Number("cached_input"), CacheWrite = fields.Number("cache_write"),
        Output = fields.Price("output"), Batch = fields.Number("batch"),
    };
}
