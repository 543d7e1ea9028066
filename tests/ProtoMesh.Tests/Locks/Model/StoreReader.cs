using System.Globalization;
using ProtoMesh.Server.Store;
using static ProtoMesh.Tests.Locks.Model.LeaseCommand;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>Reads the replies and records of the scripts and says them in the words of <see cref="Answers"/>.</summary>
internal static class StoreReader
{
    private const char Part = '\u0001', Item = '\u0002', Inner = '\u0003';

    public static string Answer(LeaseCommand command, Reply reply) => command switch
    {
        Renew => string.Join('\n', reply.Items.Select(one => Answers.Renewed(
            one[0].Text, one[1].Number, one[2].Text, Lease(one[2].Text, one[3].Text), one[4].Number, one[5].Text))),
        Release => Answers.Released(
            reply[0].Text, reply[1].Number, reply[2].Text, Lease(reply[2].Text, reply[3].Text), reply[4].Items.Select(agent => agent.Text)),
        ForceRelease => Answers.Forced(reply[1].Number, reply[2].Number, reply[3].Number, Leases(reply.Items[4..])),
        Tick => Answers.Ticked(reply[1].Number, reply[2].Number, reply[3].Text == "1"),
        Touch => Answers.Touched(reply.Items[1..].Select(id => id.Text)),
        Fence => reply[0].Text,
        Read => Described(reply[0]) + $" ahead {string.Join(' ', Leases(reply[1].Items))}",
        _ => Described(reply),
    };

    /// <summary>The time at which the script ran, in ms, where it says so.</summary>
    public static long Now(LeaseCommand command, Reply reply) => command switch
    {
        Renew or Read => reply[0][1].Number,
        _ => reply[1].Number,
    };

    public static LeaseView? Lease(string id, string record)
    {
        if (record.Length == 0)
        {
            return null;
        }

        var parts = record.Split(Part);
        var live = parts[0] is "queued" or "granted";
        Assert.Equal(live ? 24 : 12, parts.Length);
        return live
            ? new LeaseView
            {
                Id = id, State = parts[0], Digest = parts[1], Token = Number(parts[2]), Ends = Number(parts[3]), HoldEnds = Number(parts[4]),
                Claimed = parts[5] == "1", WaitEnds = Number(parts[6]), EnqueuedAt = Number(parts[7]), Priority = (int)Number(parts[10]), Ttl = Number(parts[11]),
                MaxHold = Number(parts[12]), Drain = Number(parts[13]), Names = parts[15].Replace(Item, ' '), Agent = parts[16], Session = parts[17],
                GrantedAt = Number(parts[18]), Progress = parts[19], Changed = parts[20], Previous = parts[21].Replace(Inner, ' '),
            }
            : new LeaseView
            {
                Id = id, State = parts[0], Digest = parts[1], Token = Number(parts[2]), EndedAt = Number(parts[3]), Cause = parts[4],
                Names = parts[5].Replace(Item, ' '), Agent = parts[6], Session = parts[7], GrantedAt = Number(parts[8]), Successor = parts[9],
            };
    }

    public static long Number(string text) => text.Length == 0 ? 0 : long.Parse(text, CultureInfo.InvariantCulture);

    private static IEnumerable<LeaseView> Leases(IEnumerable<Reply> pairs) =>
        pairs.Chunk(2).Select(pair => Lease(pair[0].Text, pair[1].Text)!);

    private static string Described(Reply reply)
    {
        var (tag, now, id) = (reply[0].Text, reply[1].Number, reply[2].Text);
        var lease = Lease(id, reply[3].Text);
        if (lease is not { State: "queued" })
        {
            Assert.Equal(4, reply.Items.Length);
            return Answers.Described(tag, now, id, lease);
        }

        var rests = reply[7].Number;
        var place = new Place(reply[4].Number, reply[5].Number, rests > now ? rests : 0);
        return Answers.Described(tag, now, id, lease, place, reply[8].Items.Chunk(2).Select(pair => pair[0].Text));
    }
}
