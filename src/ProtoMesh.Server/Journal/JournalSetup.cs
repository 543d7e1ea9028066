using Microsoft.Extensions.Options;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Journal;

internal static class JournalSetup
{
    /// <summary>Adds the journal: what moves events into it, what reads it, and what recovery asks of it.</summary>
    public static IServiceCollection AddJournal(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<JournalOptions>().Bind(configuration.GetSection("Journal"), binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton<IValidateOptions<JournalOptions>, JournalOptionsValidator>();
        services.AddSingleton<IRecoveryCheck, JournalRecovery>();
        services.AddSingleton<JournalWakes>();
        services.AddSingleton<JournalWatermark>();
        services.AddSingleton<JournalStatus>();
        services.AddSingleton<JournalWriter>();
        services.AddSingleton<JournalAppend>();
        services.AddSingleton<JournalReader>();
        services.AddSingleton<JournalRetention>();
        services.AddHostedService<JournalConsumer>();
        services.AddHostedService(provider => provider.GetRequiredService<JournalRetention>());
        return services;
    }
}
