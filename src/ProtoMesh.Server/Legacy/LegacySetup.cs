using ProtoMesh.Contracts.Legacy;

namespace ProtoMesh.Server.Legacy;

internal static class LegacySetup
{
    public static IServiceCollection AddLegacy(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, LegacyJson.Default));
        services.AddSingleton<LegacyScripts>();
        services.AddSingleton<LegacyService>();
        services.AddSingleton<LegacyAnnouncer>();
        services.AddHostedService(provider => provider.GetRequiredService<LegacyAnnouncer>());
        return services;
    }
}
