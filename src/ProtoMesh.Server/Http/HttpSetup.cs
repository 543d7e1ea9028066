using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Server.Http;

internal static class HttpSetup
{
    public const int MostBodyBytes = 256 * 1024;
    public const int MostLevels = 64;
    private const string Cors = "configured";

    /// <summary>JSON as the wire has it, limits of requests, CORS, and the documents that describe the API.</summary>
    public static void AddHttp(this WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MostBodyBytes;
        });
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        builder.Services.ConfigureHttpJsonOptions(options =>
        {
            var json = options.SerializerOptions;
            json.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.PropertyNameCaseInsensitive = false;
            json.NumberHandling = JsonNumberHandling.Strict;
            json.AllowDuplicateProperties = false;
            json.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
            json.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

            // For what is read and for what is written: an answer that repeats what the caller sent is deeper than that was,
            // so each call that takes free JSON has a limit of its own, far below this one.
            json.MaxDepth = MostLevels;
            json.Converters.Add(new TimeConverter());
            json.TypeInfoResolverChain.Insert(0, LocksJson.Default);
            json.TypeInfoResolverChain.Insert(1, JournalJson.Default);
            json.TypeInfoResolverChain.Insert(2, PoliciesJson.Default);
            json.TypeInfoResolverChain.Insert(3, ProblemJson.Default);
            json.TypeInfoResolverChain.Insert(4, BudgetsJson.Default);
        });
        var origins = builder.Configuration["Http:CorsOrigins"]?.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries) ?? [];
        foreach (var origin in origins.Where(origin => origin != "*" && !(Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https")))
        {
            throw new InvalidOperationException($"Http:CorsOrigins is a list of origins such as https://app.example.com, separated by commas; '{origin}' is none.");
        }

        builder.Services.AddCors(options => options.AddPolicy(Cors, policy => policy.WithOrigins(origins).AllowAnyHeader().AllowAnyMethod()));
        builder.Services.AddSingleton<RequestProblems>();
        builder.AddDocs();
    }

    public static void UseHttp(this WebApplication app)
    {
        app.Use(app.Services.GetRequiredService<RequestProblems>().HandleAsync);
        app.UseCors(Cors);
    }
}
