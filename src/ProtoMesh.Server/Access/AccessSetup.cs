using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts.Access;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Access;

internal static class AccessSetup
{
    public static IServiceCollection AddAccess(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<AccessOptions>().Bind(configuration.GetSection("Auth"), binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton<IValidateOptions<AccessOptions>, AccessOptionsValidator>();
        services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, AccessJson.Default));
        services.Configure<OpenApiOptions>(Docs.Document, options => options.AddDocumentTransformer<AccessDocs>().AddOperationTransformer<AccessDocs>());
        services.AddSingleton<KeyRing>();
        services.AddSingleton<KeyStore>();
        services.AddSingleton<KeyLoader>();
        services.AddSingleton<KeyLife>();
        services.AddSingleton<NamespaceBook>();
        services.AddSingleton<NamespaceStore>();
        services.AddSingleton<NamespaceLife>();
        services.AddSingleton<NamespaceLoader>();
        services.AddSingleton<RateGate>();
        services.AddSingleton<AccessGuard>();
        services.AddHostedService(provider => provider.GetRequiredService<KeyLoader>());
        return services;
    }

    public static void UseAccess(this WebApplication app) => app.Use(app.Services.GetRequiredService<AccessGuard>().HandleAsync);
}
