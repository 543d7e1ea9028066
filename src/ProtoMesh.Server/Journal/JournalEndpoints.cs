using System.Globalization;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Journal;

/// <summary>What happened: <c>/v1/events</c> in commit order, <c>/v1/resources/history</c> newest first.</summary>
internal static class JournalEndpoints
{
    private const int DefaultLimit = 100;
    private const int MostEvents = 1_000;
    private const string EventsList = "events";
    private const string HistoryList = "history";

    public static void MapJournal(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/events", EventsAsync).Needs(Scopes.EventsRead).WithTags("Events").WithName("listEvents")
            .Documented(JournalDocs.Events).Answers<EventPage>(200).Fails("validation_failed", "journal_unavailable", "namespace_unknown");
        routes.MapGet("/v1/resources/history", HistoryAsync).Needs(Scopes.EventsRead).WithTags("Resources").WithName("getHistory")
            .Documented(JournalDocs.History).Answers<EventPage>(200).Fails("validation_failed", "journal_unavailable", "namespace_unknown");
    }

    private static async Task<IResult> EventsAsync(
        HttpContext context, JournalReader reader, DatabaseChoice database, CancellationToken cancellationToken, string? @namespace = null,
        string? resource = null, string? agent_id = null, string? type = null, string? last_event_id = null, string? page_token = null, string? limit = null)
    {
        var (filter, errors) = EventFilter.Read(@namespace, resource, agent_id, type);
        var most = Limit(limit, errors);
        var resumeText = context.Request.Headers["Last-Event-ID"].FirstOrDefault() ?? last_event_id;
        var resume = Id(resumeText, errors);
        var place = Place(filter, EventsList, page_token, errors);
        if (errors.Count > 0)
        {
            return Problems.Result(Problems.Invalid(errors));
        }

        return await OrUnavailableAsync(database, async () =>
        {
            if (WantsStream(context))
            {
                return new EventStream(filter, place ?? resume ?? await reader.NewestAsync(cancellationToken));
            }

            var events = await reader.AfterAsync(filter, place ?? resume ?? 0, most + 1, cancellationToken);
            return Page(filter, EventsList, events, most, Caller.Of(context));
        });
    }

    private static async Task<IResult> HistoryAsync(
        HttpContext context, JournalReader reader, DatabaseChoice database, CancellationToken cancellationToken, string? resource = null, string? @namespace = null,
        string? page_token = null, string? limit = null)
    {
        var (filter, errors) = EventFilter.Read(@namespace, resource, null, null);
        if (resource is null)
        {
            errors.Add(Problems.Field("resource", "required: type/id", null));
        }

        var most = Limit(limit, errors);
        var place = Place(filter, HistoryList, page_token, errors);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await OrUnavailableAsync(database, async () =>
        {
            var events = await reader.BeforeAsync(filter, place ?? long.MaxValue, most + 1, cancellationToken);
            return Page(filter, HistoryList, events, most, Caller.Of(context));
        });
    }

    /// <summary>One event more than asked for was read, which tells whether there is another page.</summary>
    private static IResult Page(EventFilter filter, string list, IReadOnlyList<MeshEvent> events, int limit, Caller caller) => TypedResults.Json(
        new EventPage
        {
            Events = [.. events.Take(limit).Select(shown => EventMask.For(shown, caller))],
            NextPageToken = events.Count > limit ? filter.TokenFor(list, events[limit - 1].Id) : null,
        },
        EventJson.Wire.EventPage);

    private static async Task<IResult> OrUnavailableAsync(DatabaseChoice database, Func<Task<IResult>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            return Problems.Result(Problems.Of("journal_unavailable", DatabaseProblem.Sentence(problem, database)) with { RetryAfterMs = 1_000 });
        }
    }

    private static bool WantsStream(HttpContext context) => context.Request.GetTypedHeaders().Accept
        .Any(accept => accept.MediaType.Equals("text/event-stream", StringComparison.OrdinalIgnoreCase) && accept.Quality is not 0);

    private static int Limit(string? text, List<FieldError> errors)
    {
        if (text is null)
        {
            return DefaultLimit;
        }

        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) || limit is < 1 or > MostEvents)
        {
            errors.Add(Problems.Field("limit", $"1 to {MostEvents}", text));
        }

        return limit;
    }

    private static long? Id(string? text, List<FieldError> errors)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            errors.Add(Problems.Field("last_event_id", "the id of an event, a whole number", text));
        }

        return id;
    }

    private static long? Place(EventFilter filter, string list, string? token, List<FieldError> errors)
    {
        if (!filter.TryReadToken(list, token, out var place))
        {
            errors.Add(Problems.Field("page_token", PageTokens.Rule, token));
        }

        return place;
    }
}
