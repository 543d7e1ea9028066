using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Server.Approvals.Webhooks;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Server.Approvals;

internal static class ApprovalSetup
{
    public static IServiceCollection AddApprovals(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ApprovalOptions>().Bind(configuration.GetSection("Approvals"), binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ApprovalOptions>, ApprovalOptionsValidator>();
        services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, ApprovalsJson.Default));
        services.Configure<OpenApiOptions>(Docs.Document, options => options.AddOperationTransformer<ApproverExamples>());
        services.AddSingleton<ApprovalNews>();
        services.AddSingleton<WebhookOutbox>();
        services.AddSingleton<ApprovalStore>();
        services.AddSingleton<StandingGrants>();
        services.AddSingleton<ApprovalTerms>();
        services.AddSingleton<IApprovalBook, ApprovalBook>();
        services.AddSingleton<IJournalProjection, ApprovalProjection>();
        services.AddSingleton<ApprovalLife>();
        services.AddSingleton<ApprovalSweeper>();
        services.AddSingleton<WebhookSender>();
        services.AddHostedService(provider => provider.GetRequiredService<ApprovalSweeper>());
        services.AddHostedService(provider => provider.GetRequiredService<WebhookSender>());
        return services;
    }
}
