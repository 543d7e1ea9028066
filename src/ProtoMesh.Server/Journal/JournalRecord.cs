using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Journal;

/// <summary>Turns what <c>append.lua</c> wrote into a row. That file describes the format.</summary>
internal static class JournalRecord
{
    public const string Unreadable = "journal.unreadable";
    public const string Gap = "journal.gap";
    private const string DefaultNamespace = "default";
    private const int Parts = 10;

    /// <summary>Null when the text does not have the format; nothing of it may be guessed then.</summary>
    public static JournalRow? TryRead(int partition, OutboxEvent outbox)
    {
        // PostgreSQL keeps no NUL in a text; such an event must not stop all that follow it.
        var parts = outbox.Text.Split('\u0001');
        if (parts.Length != Parts || parts[0].Length == 0 || !TryNumber(parts[1], out var at)
            || !TryTime(at, out var when) || !TryToken(parts[3], out var token) || !TryResources(parts[7], out var resources)
            || !TryData(parts[8], parts[9], resources, out var data)
            || outbox.Text.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }

        return new JournalRow
        {
            Partition = partition,
            Epoch = outbox.Id.Epoch,
            Counter = outbox.Id.Counter,
            Type = parts[0],
            At = when,
            Namespace = resources.Count > 0 ? resources[0].Namespace : NamespaceIn(parts[8]) ?? DefaultNamespace,
            Resource = resources.Count == 1 ? resources[0].Name : null,
            RequestId = NullIfEmpty(parts[2]),
            LockId = parts[2].Length == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{parts[2]}.{partition}"),
            FencingToken = token,
            Cause = NullIfEmpty(parts[4]),
            AgentId = NullIfEmpty(parts[5]),
            SessionId = NullIfEmpty(parts[6]),
            Data = data,
            Resources = resources.Count < 2 ? [] : [.. resources.Distinct().Select(resource =>
                new JournalRowResource { Namespace = resource.Namespace, Resource = resource.Name })],
        };
    }

    /// <summary>Keeps what is known of an event that <see cref="TryRead"/> could not read.</summary>
    public static JournalRow OfUnreadable(int partition, OutboxEvent outbox, DateTime at) => Own(
        partition, outbox.Id, Unreadable, at, new JsonObject { ["partition"] = partition, ["event"] = outbox.Id.ToString(), ["raw"] = outbox.Text });

    /// <summary>Keeps that events are missing: from the first missing one to the one before <paramref name="next"/>.</summary>
    public static JournalRow OfGap(int partition, EventId first, EventId next, DateTime at) => Own(
        partition, first, Gap, at, new JsonObject
        {
            ["partition"] = partition,
            ["first"] = first.ToString(),
            ["last"] = new EventId(next.Epoch, next.Counter - 1).ToString(),
            ["missing"] = next.Counter - first.Counter,
        });

    private static JournalRow Own(int partition, EventId id, string type, DateTime at, JsonObject data) => new()
    {
        Partition = partition,
        Epoch = id.Epoch,
        Counter = id.Counter,
        Type = type,
        At = at,
        Namespace = DefaultNamespace,
        Data = data.ToJsonString(),
    };

    private static bool TryResources(string text, out List<(string Namespace, string Name)> resources)
    {
        resources = [];
        foreach (var item in text.Length == 0 ? [] : text.Split('\u0002'))
        {
            // mode,capacity,units,namespace/type/id: only the id may hold commas and further slashes.
            var fields = item.Split(',', 4);
            var slash = fields.Length == 4 ? fields[3].IndexOf('/', StringComparison.Ordinal) : -1;
            if (slash <= 0 || slash == fields[3].Length - 1)
            {
                return false;
            }

            resources.Add((fields[3][..slash], fields[3][(slash + 1)..]));
        }

        return true;
    }

    private static bool TryData(string extras, string payload, List<(string Namespace, string Name)> resources, out string data)
    {
        data = "{}";
        if (extras.Length == 0 && payload.Length == 0 && resources.Count < 2)
        {
            return true;
        }

        var buffer = new ArrayBufferWriter<byte>(256 + extras.Length + payload.Length);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (extras.Length > 0 && !TryWriteExtras(json, extras))
            {
                return false;
            }

            if (resources.Count > 1)
            {
                json.WriteStartArray("resources");
                resources.ForEach(resource => json.WriteStringValue(resource.Name));
                json.WriteEndArray();
            }

            if (payload.Length > 0 && !TryWriteRequest(json, payload))
            {
                return false;
            }

            json.WriteEndObject();
        }

        data = Encoding.UTF8.GetString(buffer.WrittenSpan);
        return true;
    }

    /// <summary>Where an event is that is about no resource: the extra <c>namespace</c> tells.</summary>
    private static string? NamespaceIn(string extras) =>
        extras.Split('\u0002').FirstOrDefault(extra => extra.StartsWith("namespace=", StringComparison.Ordinal)) is ['n', _, _, _, _, _, _, _, _, '=', _, ..] told
            ? told["namespace=".Length..] : null;

    private static bool TryWriteExtras(Utf8JsonWriter json, ReadOnlySpan<char> extras)
    {
        foreach (var range in extras.Split('\u0002'))
        {
            var extra = extras[range];
            var equals = extra.IndexOf('=');
            if (equals <= 0)
            {
                return false;
            }

            var name = extra[..equals];
            var value = extra[(equals + 1)..];
            if (IsNumeric(name) && TryNumber(value, out var number))
            {
                json.WriteNumber(name, number);
            }
            else
            {
                json.WriteString(name, value);
            }
        }

        return true;
    }

    private static bool TryWriteRequest(Utf8JsonWriter json, string payload)
    {
        try
        {
            using var request = JsonDocument.Parse(payload);
            json.WritePropertyName("request");
            request.RootElement.WriteTo(json);
            return request.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsNumeric(ReadOnlySpan<char> name) =>
        name is "units" or "capacity" or "actual" or "claimed" or "recomputed" or "percent" or "spent" or "cap" || name.EndsWith("priority", StringComparison.Ordinal) || name.EndsWith("_ms", StringComparison.Ordinal);

    private static bool TryNumber(ReadOnlySpan<char> text, out long number) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    private static bool TryToken(string text, out long? token)
    {
        token = TryNumber(text, out var number) ? number : null;
        return token is not null || text.Length == 0;
    }

    private static bool TryTime(long ms, out DateTime time)
    {
        var valid = ms is >= 0 and <= 253_402_300_799_999;
        time = DateTimeOffset.FromUnixTimeMilliseconds(valid ? ms : 0).UtcDateTime;
        return valid;
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
