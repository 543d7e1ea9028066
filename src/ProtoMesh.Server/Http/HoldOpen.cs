using System.Globalization;

namespace ProtoMesh.Server.Http;

/// <summary><c>Prefer: wait=N</c> of RFC 7240: how long a caller lets its request be held open.</summary>
internal static class HoldOpen
{
    public const string Rule = "wait=N with N in whole seconds, at most 60";
    private const int MostSeconds = 60;

    /// <summary>False when there is a <c>wait</c> preference that is not a number; other preferences are ignored, as the RFC says.</summary>
    public static bool TryRead(HttpContext context, int defaultSeconds, out TimeSpan hold)
    {
        hold = TimeSpan.FromSeconds(defaultSeconds);
        foreach (var header in context.Request.Headers["Prefer"])
        {
            foreach (var preference in (header ?? "").Split(',', ';'))
            {
                var parts = preference.Split('=', 2, StringSplitOptions.TrimEntries);
                if (!string.Equals(parts[0], "wait", StringComparison.OrdinalIgnoreCase))
                {
                    continue;
                }

                if (parts.Length < 2 || !int.TryParse(parts[1].Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                {
                    return false;
                }

                seconds = Math.Min(seconds, MostSeconds);
                hold = TimeSpan.FromSeconds(seconds);
                context.Response.Headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={seconds}");
                return true;
            }
        }

        return true;
    }
}
