using ProtoMesh.Server;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Approvals;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Legacy;
using ProtoMesh.Server.Locks;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

if (await KeyCommands.AnswerAsync(args) is { } keysCode)
{
    return keysCode;
}

if (CommandLine.Answer(args) is { } exitCode)
{
    return exitCode;
}

return await Startup.RunAsync(async () =>
{
    var builder = Startup.CreateBuilder(args);
    builder.AddHttp();
    builder.Services.AddStore(builder.Configuration);
    builder.Services.AddData(builder.Configuration);
    builder.Services.AddAccess(builder.Configuration);
    builder.Services.AddJournal(builder.Configuration);
    builder.Services.AddBudgets(builder.Configuration);
    builder.Services.AddPolicies(builder.Configuration);
    builder.Services.AddApprovals(builder.Configuration);
    builder.Services.AddLocks(builder.Configuration);
    builder.Services.AddLegacy();
    builder.Services.AddHealth();

    var app = builder.Build();
    app.UseHttp();
    app.MapDocs(new RouteScope(Scopes.None));
    app.UseAccess();
    app.UseQueryParameters();
    app.MapHealth();
    app.MapAccess();
    app.MapJournal();
    app.MapBudgets();
    app.MapPolicies();
    app.MapApprovals();
    app.MapLocks();
    app.MapLegacy();
    app.CheckScopes();
    await app.RunAsync();
});

/// <summary>The service's entry point; public so that tests can host it.</summary>
public partial class Program;
