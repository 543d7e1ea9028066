using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Embedded;

namespace ProtoMesh.Tests.Rig;

/// <summary>
/// Runs inside the service's own process, put there by a startup hook of .NET: names each step between the store, the
/// database and the caller, and kills the process with SIGKILL at the one that a file names. The product has no part in it:
/// EF Core and the host tell their steps to any <see cref="DiagnosticListener"/>, and the store is wrapped in the container.
/// </summary>
internal static class Steps
{
    public const string Folder = "PROTOMESH_TEST_STEPS";
    public const string RotateAt = "PROTOMESH_TEST_ROTATE_AT";
    private static readonly Lock Gate = new();
    private static readonly string Path = Environment.GetEnvironmentVariable(Folder)!;
    private static readonly string Orders = System.IO.Path.Combine(Path, "kill-at");
    private static int _passed;

    public static void Watch() => DiagnosticListener.AllListeners.Subscribe(new Listeners());

    /// <summary>A step is about to be taken, or was just taken.</summary>
    public static void At(string step)
    {
        lock (Gate)
        {
            File.AppendAllText(System.IO.Path.Combine(Path, "steps"), step + "\n");
            if (File.Exists(Orders) && File.ReadAllText(Orders).Split('\n') is [var name, var skip] && name == step && _passed++ == int.Parse(skip))
            {
                Process.GetCurrentProcess().Kill();
                Thread.Sleep(Timeout.Infinite); // nobody gets past the gate while the signal is on its way
            }
        }
    }

    private static void Wrap(IServiceCollection services)
    {
        var engine = services.Last(service => service.ServiceType == typeof(IStoreEngine));
        services.Remove(engine);
        services.AddSingleton<IStoreEngine>(provider => new SteppedEngine(
            engine.ImplementationFactory is { } make ? (IStoreEngine)make(provider)
                : Environment.GetEnvironmentVariable(RotateAt) is { } rotateAt
                    ? new EmbeddedEngine(
                        provider.GetRequiredService<IConfiguration>()["Store:DataFolder"], TimeProvider.System,
                        provider.GetRequiredService<ILogger<EmbeddedEngine>>(), long.Parse(rotateAt))
                    : ActivatorUtilities.CreateInstance<EmbeddedEngine>(provider)));
        services.AddSingleton<IStartupFilter, Answers>();
    }

    /// <summary>The name of a statement: enough of it to tell it from the others, without the columns of an update, which vary.</summary>
    private static string NameOf(string sql)
    {
        var words = string.Join(' ', sql.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).Split(" SET ")[0];
        return words.Length <= 48 ? words : words[..48];
    }

    private sealed class Listeners : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>
    {
        public void OnNext(DiagnosticListener value)
        {
            if (value.Name is "Microsoft.Extensions.Hosting" or "Microsoft.EntityFrameworkCore")
            {
                value.Subscribe(this);
            }
        }

        public void OnNext(KeyValuePair<string, object?> value)
        {
            switch (value.Value)
            {
                case IHostBuilder host when value.Key == "HostBuilding":
                    host.ConfigureServices(Wrap);
                    break;
                case CommandEventData look when look.Command.CommandText.TrimStart().StartsWith("SELECT", StringComparison.Ordinal):
                    break; // it changes nothing, and some looks are taken only when a commit is slow
                case CommandExecutedEventData done:
                    At($"sql done: {NameOf(done.Command.CommandText)}");
                    break;
                case CommandEventData starts when value.Key == RelationalEventId.CommandExecuting.Name:
                    At($"sql: {NameOf(starts.Command.CommandText)}");
                    break;
                case TransactionEventData when value.Key == RelationalEventId.TransactionCommitting.Name:
                    At("sql commits");
                    break;
                case TransactionEndEventData when value.Key == RelationalEventId.TransactionCommitted.Name:
                    At("sql committed");
                    break;
            }
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }

    /// <summary>The first byte of an answer is about to be sent, and the last one was.</summary>
    private sealed class Answers : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (context, following) =>
            {
                if (context.Request.Method == "POST")
                {
                    context.Response.OnStarting(() => TellAsync("answer starts"));
                    context.Response.OnCompleted(() => TellAsync("answer sent"));
                }

                await following(context);
            });
            next(app);
        };

        private static Task TellAsync(string step)
        {
            At(step);
            return Task.CompletedTask;
        }
    }
}

/// <summary>A store that tells <see cref="Steps"/> before and after each thing it does.</summary>
internal sealed class SteppedEngine(IStoreEngine inner) : IStoreEngine
{
    private static readonly string[] NobodyWaitsFor = ["tick", "touch", "probe"];
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private string _committed = "";

    public string Kind => inner.Kind;

    public int DefaultPartitions => inner.DefaultPartitions;

    public Task StartAsync(CancellationToken cancellationToken) => inner.StartAsync(cancellationToken);

    public async Task LoadAsync(int partition, IReadOnlyCollection<string> texts, CancellationToken cancellationToken)
    {
        foreach (var text in texts)
        {
            var name = Script.All.Values.First(script => BodyOf(script.Text(0)) == BodyOf(text)).Name;
            lock (_names)
            {
                _names[Convert.ToHexString(Script.Sha(text))] = name.StartsWith("Journal", StringComparison.Ordinal)
                    ? "stream read" : System.IO.Path.GetFileNameWithoutExtension(name);
            }
        }

        Steps.At($"{texts.Count} scripts load");
        await inner.LoadAsync(partition, texts, cancellationToken);
        Steps.At($"{texts.Count} scripts loaded");
    }

    public async ValueTask<Reply> RunAsync(byte[] sha, PartitionKeys keys, string[] arguments, CancellationToken cancellationToken)
    {
        string? name;
        lock (_names)
        {
            _names.TryGetValue(Convert.ToHexString(sha), out name);
        }

        // The read that follows a commit also drops from the stream what is committed.
        if (name == "stream read" && Interlocked.Exchange(ref _committed, arguments[3]) != arguments[3])
        {
            name = "stream trim";
        }

        if (NobodyWaitsFor.Contains(name))
        {
            return await inner.RunAsync(sha, keys, arguments, cancellationToken);
        }

        Steps.At($"{name} runs");
        var reply = await inner.RunAsync(sha, keys, arguments, cancellationToken);
        Steps.At($"{name} ran");
        return reply;
    }

    public async ValueTask PersistAsync(CancellationToken cancellationToken)
    {
        Steps.At("store flushes");
        await inner.PersistAsync(cancellationToken);
        Steps.At("store flushed");
    }

    public Task ListenAsync(IReadOnlyList<string> channels, Action<string, string> onMessage, Action onReconnected, CancellationToken cancellationToken) =>
        inner.ListenAsync(channels, onMessage, onReconnected, cancellationToken);

    public ValueTask PublishAsync(string channel, string message) => inner.PublishAsync(channel, message);

    public Task<IReadOnlyList<string>> WarningsAsync(CancellationToken cancellationToken) => inner.WarningsAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    /// <summary>A script without its first line, which names epoch and partition.</summary>
    private static string BodyOf(string text) => text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..];
}
