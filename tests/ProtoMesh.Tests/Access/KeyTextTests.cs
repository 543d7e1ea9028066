using ProtoMesh.Server.Access;

namespace ProtoMesh.Tests.Access;

public sealed class KeyTextTests
{
    [Fact]
    public void A_key_reads_back_and_no_two_are_alike()
    {
        var texts = Enumerable.Range(0, 1_000).Select(_ => KeyText.New()).ToList();
        Assert.Equal(texts.Count, texts.Distinct().Count());
        foreach (var text in texts)
        {
            Assert.Matches("^pm_[0-9a-f]{16}_[0-9a-f]{48}_[0-9a-f]{8}$", text);
            Assert.True(KeyText.TryRead(text, out var id, out var secret));
            Assert.Equal(text, $"pm_{id}_{secret}_{text[^8..]}");
        }
    }

    /// <summary>Made by another program: zlib's crc32 over what stands before the last part.</summary>
    [Fact]
    public void The_checksum_is_the_CRC_32_that_scanners_know() => Assert.True(KeyText.TryRead("pm_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef_a35b122b", out _, out _));

    [Fact]
    public void Whatever_is_changed_cut_off_or_added_is_no_key()
    {
        var text = KeyText.New();
        for (var at = 0; at < text.Length; at++)
        {
            var changed = text.ToCharArray();
            changed[at] = changed[at] == '0' ? '1' : '0';
            Assert.False(KeyText.TryRead(changed, out _, out _), $"changed at {at}");
            Assert.False(KeyText.TryRead(text.AsSpan(0, at), out _, out _), $"cut off at {at}");
        }

        foreach (var other in new[] { "", " ", text + "0", " " + text, text.ToUpperInvariant(), text.Replace('_', '-'), new string('é', text.Length), new string('0', 100_000) })
        {
            Assert.False(KeyText.TryRead(other, out _, out _), other.Length < 200 ? other : "a long one");
        }
    }
}
