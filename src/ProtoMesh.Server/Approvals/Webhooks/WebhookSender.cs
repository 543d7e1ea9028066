using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Approvals.Webhooks;

/// <summary>Delivers messages, each by one replica at a time, until it is taken or was tried often enough.</summary>
internal sealed partial class WebhookSender(WebhookOutbox outbox, IDbContextFactory<MeshDb> factory, DatabaseMigrator migrator, DatabaseChoice database, TimeProvider time, ILogger<WebhookSender> log)
    : BackgroundService
{
    private const int AtOnce = 16;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>For how long a replica has a message to itself; longer than an attempt can last.</summary>
    private static readonly TimeSpan Claim = TimeSpan.FromMinutes(1);

    /// <summary>The pauses after each attempt but the last.</summary>
    private static readonly TimeSpan[] Pauses =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30), TimeSpan.FromHours(1), TimeSpan.FromHours(3),
        TimeSpan.FromHours(6), TimeSpan.FromHours(12),
    ];

    private readonly HttpClient _public = WebhookGuard.Client(allowPrivate: false);
    private readonly HttpClient _any = WebhookGuard.Client(allowPrivate: true);
    private string? _said;

    /// <summary>Tries what is due; returns how many there were.</summary>
    public async Task<int> SendAsync(CancellationToken cancellationToken)
    {
        var (now, targets) = (time.GetUtcNow().UtcDateTime, outbox.Targets.Select(target => target.Id).ToList());
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var due = await db.Set<WebhookDeliveryRow>().AsNoTracking().Where(row => row.State == WebhookDeliveryRow.Pending && row.NextAt <= now && targets.Contains(row.Target))
            .OrderBy(row => row.NextAt).Take(AtOnce).ToListAsync(cancellationToken);
        var mine = new List<WebhookDeliveryRow>();
        foreach (var row in due)
        {
            var until = now + Claim;
            var claimed = await db.Set<WebhookDeliveryRow>().Where(each => each.MessageId == row.MessageId && each.State == WebhookDeliveryRow.Pending && each.Attempts == row.Attempts && each.NextAt <= now)
                .ExecuteUpdateAsync(set => set.SetProperty(each => each.Attempts, each => each.Attempts + 1).SetProperty(each => each.NextAt, until), cancellationToken);
            if (claimed == 1)
            {
                row.Attempts++;
                mine.Add(row);
            }
        }

        var outcomes = await Task.WhenAll(mine.Select(row => TryAsync(row, outbox.Targets.First(target => target.Id == row.Target), cancellationToken)));
        for (var index = 0; index < mine.Count; index++)
        {
            await KeepAsync(db, mine[index], outcomes[index], cancellationToken);
        }

        return due.Count;
    }

    public override void Dispose()
    {
        _public.Dispose();
        _any.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (outbox.Targets.Count == 0)
        {
            return;
        }

        await migrator.Ready.WaitAsync(stoppingToken);
        while (true)
        {
            var sent = 0;
            try
            {
                sent = await SendAsync(stoppingToken);
                _said = null;
            }
            catch (Exception problem) when (!stoppingToken.IsCancellationRequested)
            {
                var sentence = DatabaseProblem.Sentence(problem, database);
                if (_said != sentence)
                {
                    _said = sentence;
                    LogAway(log, sentence);
                }
            }

            if (sent < AtOnce)
            {
                await outbox.WaitAsync(Poll, stoppingToken);
            }
        }
    }

    /// <summary>Null when it was taken, else why not; the text has nothing of the address or of the answer in it.</summary>
    private async Task<string?> TryAsync(WebhookDeliveryRow row, WebhookTarget target, CancellationToken cancellationToken)
    {
        var at = time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        using var request = new HttpRequestMessage(HttpMethod.Post, target.Url) { Content = new StringContent(row.Body, new MediaTypeHeaderValue("application/json")) };
        request.Headers.Add("webhook-id", row.MessageId);
        request.Headers.Add("webhook-timestamp", at);
        request.Headers.Add("webhook-signature", Signature(target.Key, row.MessageId, at, row.Body));
        using var enough = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(enough.Token, cancellationToken);
        try
        {
            using var answer = await (target.AllowPrivate ? _any : _public).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return answer.IsSuccessStatusCode ? null : string.Create(CultureInfo.InvariantCulture, $"it answered {(int)answer.StatusCode}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "it did not answer in time";
        }
        catch (HttpRequestException failure)
        {
            return failure.InnerException is WebhookRefusedException refused ? refused.Message : "it cannot be reached";
        }
    }

    /// <summary>As Standard Webhooks has it: HMAC-SHA256 over id, time and body.</summary>
    private static string Signature(byte[] key, string id, string at, string body) =>
        $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{at}.{body}")))}";

    private async Task KeepAsync(MeshDb db, WebhookDeliveryRow row, string? failure, CancellationToken cancellationToken)
    {
        var isOver = row.Attempts > Pauses.Length;
        var (state, next) = (failure is null ? WebhookDeliveryRow.Delivered : isOver ? WebhookDeliveryRow.Dead : WebhookDeliveryRow.Pending, time.GetUtcNow().UtcDateTime + (isOver ? TimeSpan.Zero : Pauses[row.Attempts - 1]));
        await db.Set<WebhookDeliveryRow>().Where(each => each.MessageId == row.MessageId && each.Attempts == row.Attempts)
            .ExecuteUpdateAsync(set => set.SetProperty(each => each.State, state).SetProperty(each => each.NextAt, next).SetProperty(each => each.LastError, failure), cancellationToken);
        if (failure is not null && (isOver || row.Attempts == 1))
        {
            LogFailed(log, row.Type, row.MessageId, row.Target, failure, isOver ? "It is given up." : "It is tried again.");
        }
    }

    [LoggerMessage(8201, LogLevel.Warning, "The message {Type} {MessageId} to the webhook {Target} was not taken: {Failure}. {Then}")]
    private static partial void LogFailed(ILogger log, string type, string messageId, string target, string failure, string then);

    [LoggerMessage(8202, LogLevel.Warning, "Webhook messages cannot be read. {Sentence}")]
    private static partial void LogAway(ILogger log, string sentence);
}
