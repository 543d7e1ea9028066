using Microsoft.Extensions.Options;
using ProtoMesh.Server.Journal;

namespace ProtoMesh.Server.Budgets;

internal static class BudgetSetup
{
    public static IServiceCollection AddBudgets(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<BudgetOptions>().Bind(configuration.GetSection("Budgets"), binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton<IValidateOptions<BudgetOptions>, BudgetOptionsValidator>();
        services.AddSingleton(provider => PriceTable.Of(provider.GetRequiredService<IOptions<BudgetOptions>>().Value));
        services.AddSingleton<BudgetScripts>();
        services.AddSingleton<BudgetService>();
        services.AddSingleton<BudgetCounters>();
        services.AddSingleton<BudgetDrift>();
        services.AddSingleton<LedgerReader>();
        services.AddSingleton<IJournalProjection, LedgerProjection>();
        return services;
    }
}
