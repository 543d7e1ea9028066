using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Policies;

internal static class PolicySetup
{
    public static IServiceCollection AddPolicies(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<PolicyOptions>().Bind(configuration.GetSection("Policies"), binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton<IValidateOptions<PolicyOptions>, PolicyOptionsValidator>();
        services.AddSingleton<ActivePolicies>();
        services.AddSingleton<PolicyStore>();
        services.AddSingleton<PolicyFile>();
        services.AddSingleton<PolicyLoader>();
        services.AddSingleton<PolicyLife>();
        services.AddHostedService(provider => provider.GetRequiredService<PolicyLoader>());
        services.AddSingleton<DecisionLog>();
        services.AddSingleton<DecisionReader>();
        services.AddSingleton<DecisionRetention>();
        services.AddHostedService<DecisionWriter>();
        services.AddHostedService(provider => provider.GetRequiredService<DecisionRetention>());
        services.AddSingleton<PolicySubjects>();
        services.AddSingleton<Budgets.IBudgetBook, PolicyBudgetBook>();
        services.AddSingleton<PolicyScripts>();
        services.AddSingleton<GrantScripts>();
        services.AddSingleton<PolicyApprovals>();
        services.AddSingleton<PolicyDecider>();
        services.AddSingleton<PolicyService>();
        return services;
    }
}
