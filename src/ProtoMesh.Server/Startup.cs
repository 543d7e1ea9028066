using Microsoft.Extensions.Options;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server;

/// <summary>How the process starts and how it says that it cannot: one sentence, exit code 1.</summary>
internal static class Startup
{
    private const string DefaultUrl = "http://localhost:8000";

    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        if (string.IsNullOrEmpty(builder.Configuration["urls"]))
        {
            builder.WebHost.UseUrls(DefaultUrl);
        }

        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Logging.ClearProviders();
        if (Console.IsOutputRedirected)
        {
            builder.Logging.AddJsonConsole(options => options.UseUtcTimestamp = true);
        }
        else
        {
            builder.Logging.AddSimpleConsole(options =>
            {
                options.SingleLine = true;
                options.TimestampFormat = "HH:mm:ss ";
            });
        }

        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(25));
        builder.Services.AddSingleton(TimeProvider.System);
        return builder;
    }

    public static async Task<int> RunAsync(Func<Task> run)
    {
        try
        {
            await run();
            return Environment.ExitCode;
        }
        catch (OptionsValidationException failure)
        {
            return Say(string.Join(" ", failure.Failures));
        }
        catch (StoreException failure)
        {
            return Say(failure.Message);
        }
        catch (IOException failure) when (failure.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            return Say($"{failure.Message} Stop what listens there, or set ASPNETCORE_URLS to another address.");
        }
        catch (ArgumentOutOfRangeException failure) when (failure.ParamName == "port")
        {
            return Say("ASPNETCORE_URLS has to be http://HOST:PORT with a port of at most 65535.");
        }
        catch (Exception failure) when (failure is InvalidOperationException or FormatException or ArgumentException)
        {
            return Say(failure.Message);
        }
    }

    private static int Say(string sentence)
    {
        Console.Error.WriteLine($"protomesh: {sentence}");
        return 1;
    }
}
