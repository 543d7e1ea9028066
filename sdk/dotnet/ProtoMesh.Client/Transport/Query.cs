using System.Globalization;

namespace ProtoMesh.Transport;

/// <summary>A query string; what is null is left out.</summary>
internal sealed class Query
{
    private readonly List<string> _parts = [];

    public Query Add(string name, string? value)
    {
        if (value is not null)
        {
            _parts.Add($"{name}={Uri.EscapeDataString(value)}");
        }
        return this;
    }

    public Query Add(string name, long? value) => Add(name, value?.ToString(CultureInfo.InvariantCulture));

    public override string ToString() => _parts.Count == 0 ? "" : "?" + string.Join('&', _parts);
}
