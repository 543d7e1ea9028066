namespace ProtoMesh.Server.Store.Embedded;

/// <summary>Commands on streams.</summary>
internal static class StreamCommands
{
    /// <summary>The name that the scripts' entries have, kept once.</summary>
    private static readonly byte[] OnlyField = "e"u8.ToArray();
    private const string BadId = "ERR Invalid stream ID specified as stream command argument";

    public static IReadOnlyList<Command> All { get; } =
    [
        new("XADD", -5, 1, Add),
        new("XLEN", 2, 1, Length),
        new("XTRIM", -4, 1, Trim),
        new("XRANGE", -4, 1, (context, arguments, reply) => Range(arguments[2], arguments[3], false, context, arguments, reply)),
        new("XREVRANGE", -4, 1, (context, arguments, reply) => Range(arguments[3], arguments[2], true, context, arguments, reply)),
    ];

    private static void Add(CommandContext context, Arguments arguments, LuaReply reply)
    {
        var counts = arguments[2].EndsWith("-*"u8);
        if (!StreamId.TryParse(counts ? arguments[2][..^2] : arguments[2], 0, out var id))
        {
            reply.Fail(BadId);
        }
        else if (arguments.Count % 2 == 0)
        {
            reply.Fail(Errors.WrongCount("xadd"));
        }
        else if (!counts && id == StreamId.Min)
        {
            reply.Fail("ERR The ID specified in XADD must be greater than 0-0");
        }
        else if (context.Keys.TryFind<EventStream>(arguments[1], reply, out var stream))
        {
            var last = stream?.LastId ?? StreamId.Min;
            var given = !counts ? id : id.First == last.First && last.Second < ulong.MaxValue ? last with { Second = last.Second + 1 } : id;
            if (last == StreamId.Max)
            {
                reply.Fail("ERR The stream has exhausted the last possible ID, unable to add more items");
            }
            else if (given <= last)
            {
                reply.Fail("ERR The ID specified in XADD is equal or smaller than the target stream top item");
            }
            else
            {
                var fields = new byte[arguments.Count - 3][];
                for (var index = 0; index < fields.Length; index++)
                {
                    fields[index] = arguments[index + 3] is [(byte)'e'] ? OnlyField : arguments[index + 3].ToArray();
                }

                context.Keys.Append(stream ?? context.Keys.Open<EventStream>(arguments[1]), new StreamEntry(given, fields));
                reply.Bulk(given);
            }
        }
    }

    private static void Length(CommandContext context, Arguments arguments, LuaReply reply)
    {
        if (context.Keys.TryFind<EventStream>(arguments[1], reply, out var stream))
        {
            reply.Integer(stream?.Count ?? 0);
        }
    }

    private static void Trim(CommandContext context, Arguments arguments, LuaReply reply)
    {
        var threshold = default(TrimThreshold);
        if (threshold.Read(arguments) is { } error)
        {
            reply.Fail(error);
        }
        else if (context.Keys.TryFind<EventStream>(arguments[1], reply, out var stream))
        {
            var count = stream is null ? 0 : threshold.CountOf(stream);
            if (stream is not null)
            {
                context.Keys.Trim(stream, count);
            }

            reply.Integer(count);
        }
    }

    private static void Range(ReadOnlySpan<byte> low, ReadOnlySpan<byte> high, bool reverse, CommandContext context, Arguments arguments, LuaReply reply)
    {
        // Redis reads the first of the two arguments first, but in every case the start before the end.
        if (ErrorIn(low, 0, out var first, id => id.Next, "ERR invalid start ID for the interval") is { } badStart)
        {
            reply.Fail(badStart);
            return;
        }

        if (ErrorIn(high, ulong.MaxValue, out var last, id => id.Previous, "ERR invalid end ID for the interval") is { } badEnd)
        {
            reply.Fail(badEnd);
            return;
        }

        var count = -1L;
        for (var index = 4; index < arguments.Count; index += 2)
        {
            if (index + 1 == arguments.Count || !arguments.Is(index, "COUNT"u8))
            {
                reply.Fail(Errors.Syntax);
                return;
            }

            if (!RedisNumber.TryParseInteger(arguments[index + 1], out count))
            {
                reply.Fail(Errors.NotInteger);
                return;
            }

            count = Math.Max(0, count);
        }

        if (!context.Keys.TryFind<EventStream>(arguments[1], reply, out var stream))
        {
            return;
        }

        if (count == 0 && stream is not null)
        {
            reply.Null();
            return;
        }

        reply.OpenList(0);
        if (stream is not null && first <= last)
        {
            var (from, to) = (stream.CountBelow(first), last.Next is { } end ? stream.CountBelow(end) : stream.Count);
            var taken = count < 0 ? to - from : (int)Math.Min(count, to - from);
            for (var index = 0; index < taken; index++)
            {
                ReplyEntry(stream[reverse ? to - 1 - index : from + index], reply);
            }
        }

        reply.CloseList();
    }

    private static string? ErrorIn(ReadOnlySpan<byte> text, ulong missingSecond, out StreamId id, Func<StreamId, StreamId?> inward, string tooFar)
    {
        var isOpen = text is [(byte)'(', _, ..];
        id = StreamId.Min;
        if (!isOpen && text is [(byte)'-' or (byte)'+'])
        {
            id = text[0] == (byte)'-' ? StreamId.Min : StreamId.Max;
            return null;
        }

        if (!StreamId.TryParse(isOpen ? text[1..] : text, missingSecond, out id))
        {
            return BadId;
        }

        if (!isOpen)
        {
            return null;
        }

        var moved = inward(id);
        id = moved ?? id;
        return moved is null ? tooFar : null;
    }

    private static void ReplyEntry(StreamEntry entry, LuaReply reply)
    {
        reply.OpenList(2);
        reply.Bulk(entry.Id);
        reply.OpenList(entry.Fields.Length);
        foreach (var field in entry.Fields)
        {
            reply.Bulk(field);
        }

        reply.CloseList();
        reply.CloseList();
    }

    /// <summary>How far XTRIM trims: always exactly, which is what Redis does without <c>~</c>.</summary>
    private struct TrimThreshold
    {
        private StreamId? _id;
        private long? _length;

        public string? Read(Arguments arguments)
        {
            for (var index = 2; index < arguments.Count; index++)
            {
                var byLength = arguments.Is(index, "MAXLEN"u8);
                if (!(byLength || arguments.Is(index, "MINID"u8)) || index + 1 == arguments.Count)
                {
                    return Errors.Syntax;
                }

                if (_id is not null || _length is not null)
                {
                    return "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
                }

                index += index + 2 < arguments.Count && arguments.Is(index + 1, "="u8) ? 2 : 1;
                if ((byLength ? ReadLength(arguments[index]) : ReadId(arguments[index])) is { } error)
                {
                    return error;
                }
            }

            return null;
        }

        public readonly int CountOf(EventStream stream) =>
            _id is { } id ? stream.CountBelow(id) : (int)Math.Max(0, stream.Count - _length.GetValueOrDefault());

        private string? ReadLength(ReadOnlySpan<byte> text)
        {
            var valid = RedisNumber.TryParseInteger(text, out var length);
            _length = length;
            return !valid ? Errors.NotInteger : length < 0 ? "ERR The MAXLEN argument must be >= 0." : null;
        }

        private string? ReadId(ReadOnlySpan<byte> text)
        {
            var valid = StreamId.TryParse(text, 0, out var id);
            _id = id;
            return valid ? null : BadId;
        }
    }
}
