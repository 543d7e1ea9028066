namespace ProtoMesh.Server.Policies;

/// <summary>Names with <c>*</c> for any run of characters, also none. There are no other special characters.</summary>
internal static class ActionGlob
{
    /// <summary>In time of at most the product of the two lengths: it goes back to the last <c>*</c> only.</summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        int at = 0, star = -1, mark = 0, place = 0;
        while (place < text.Length)
        {
            if (at < pattern.Length && pattern[at] == '*')
            {
                (star, mark) = (at++, place);
            }
            else if (at < pattern.Length && pattern[at] == text[place])
            {
                at++;
                place++;
            }
            else if (star >= 0)
            {
                at = star + 1;
                place = ++mark;
            }
            else
            {
                return false;
            }
        }

        return pattern[at..].TrimStart('*').IsEmpty;
    }

    /// <summary>Whether everything that <paramref name="narrow"/> matches is matched by <paramref name="wide"/> as well.</summary>
    /// <remarks>A <c>*</c> of the narrow one is matched by a <c>*</c> only, so a yes is always right.</remarks>
    public static bool Covers(string wide, string narrow) => Matches(wide, narrow);
}
