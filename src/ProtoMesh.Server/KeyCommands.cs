using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server;

/// <summary>
/// <c>keys generate</c> prints a key that nobody knows yet, for <c>Auth:BootstrapKey</c>; <c>keys bootstrap</c> makes the
/// first admin key in the configured database and prints it, once.
/// </summary>
internal static class KeyCommands
{
    private const int Refused = 1;
    private const int Misunderstood = 2;

    /// <summary>An exit code, or null when the arguments are none of these.</summary>
    public static async Task<int?> AnswerAsync(string[] args)
    {
        if (args is not ["keys", .. var rest])
        {
            return null;
        }

        switch (rest)
        {
            case ["generate"]:
                Console.WriteLine(KeyText.New());
                return 0;
            case ["bootstrap", .. var settings]:
                return await Startup.RunAsync(() => BootstrapAsync(settings));
            default:
                await Console.Error.WriteLineAsync("protomesh: keys has two commands, 'keys generate' and 'keys bootstrap'. Try --help.");
                return Misunderstood;
        }
    }

    private static async Task BootstrapAsync(string[] settings)
    {
        var builder = Startup.CreateBuilder(settings);
        builder.Logging.ClearProviders();
        builder.Services.AddData(builder.Configuration);
        builder.Services.AddSingleton<KeyStore>();
        await using var services = builder.Services.BuildServiceProvider();
        var migrator = services.GetRequiredService<DatabaseMigrator>();
        await migrator.StartAsync(CancellationToken.None);
        await migrator.Tried;
        if (!migrator.Ready.IsCompletedSuccessfully)
        {
            throw new InvalidOperationException(migrator.Problem);
        }

        var text = KeyText.New();
        KeyText.TryRead(text, out var id, out var secret);
        var outcome = await services.GetRequiredService<KeyStore>().CreateFirstAsync(id.ToString(), KeyText.Digest(secret), CancellationToken.None);
        await migrator.StopAsync(CancellationToken.None);
        if (outcome == FirstKey.Made)
        {
            Console.WriteLine(text);
            return;
        }

        Environment.ExitCode = Refused;
        await Console.Error.WriteLineAsync("protomesh: there is an admin key already; ask whoever has it for another one.");
    }
}
