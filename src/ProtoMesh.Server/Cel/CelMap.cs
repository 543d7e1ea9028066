using System.Collections;

namespace ProtoMesh.Server.Cel;

/// <summary>
/// A map with bool, int, uint and string keys in the order in which they were added; 1, 1u and 1.0 find the same entry.
/// Up to eight entries are searched from the front, which is faster than a hash; beyond that they are indexed.
/// </summary>
internal sealed class CelMap : IReadOnlyCollection<KeyValuePair<CelValue, CelValue>>
{
    private const int Searched = 8;
    private readonly CelValue[] _keys;
    private readonly CelValue[] _values;
    private readonly Dictionary<CelValue, int>? _index;

    private CelMap(CelValue[] keys, CelValue[] values, Dictionary<CelValue, int>? index) => (_keys, _values, _index) = (keys, values, index);

    public static CelMap Empty { get; } = new([], [], null);

    public int Count => _keys.Length;

    internal CelValue[] Keys => _keys;

    /// <summary>Of entries with equal keys the last one holds; an entry whose key cannot be one is left out.</summary>
    public static CelMap Of(params IEnumerable<(CelValue Key, CelValue Value)> entries)
    {
        var builder = new Builder(0);
        foreach (var (key, value) in entries)
        {
            builder.Set(key, value);
        }

        return builder.Build();
    }

    public bool TryGet(in CelValue key, out CelValue value)
    {
        var index = IndexOf(key);
        value = index < 0 ? default : _values[index];
        return index >= 0;
    }

    public bool TryGet(string key, out CelValue value) => TryGet(CelValue.Of(key), out value);

    public bool Contains(in CelValue key) => IndexOf(key) >= 0;

    public IEnumerator<KeyValuePair<CelValue, CelValue>> GetEnumerator()
    {
        for (var i = 0; i < _keys.Length; i++)
        {
            yield return KeyValuePair.Create(_keys[i], _values[i]);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static bool IsKey(CelKind kind) => kind is CelKind.Bool or CelKind.Int or CelKind.Uint or CelKind.String;

    private int IndexOf(in CelValue key)
    {
        if (_index is not null)
        {
            return key.Kind is CelKind.Double || IsKey(key.Kind) ? _index.GetValueOrDefault(key, -1) : -1;
        }

        var keys = _keys;
        for (var i = 0; i < keys.Length; i++)
        {
            if (CelEquality.AreKeysEqual(keys[i], key))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Collects the entries of a map; not for use after <see cref="Build"/>.</summary>
    internal sealed class Builder(int capacity)
    {
        private readonly List<CelValue> _keys = new(capacity);
        private readonly List<CelValue> _values = new(capacity);
        private Dictionary<CelValue, int>? _index;

        /// <summary>False when the value cannot be a key, or another entry has it.</summary>
        public bool TryAdd(CelValue key, CelValue value)
        {
            if (!IsKey(key.Kind) || IndexOf(key) >= 0)
            {
                return false;
            }

            _keys.Add(key);
            _values.Add(value);
            if (_index is not null || _keys.Count > Searched)
            {
                _index ??= _keys.Take(_keys.Count - 1).Select((each, i) => (each, i)).ToDictionary(pair => pair.each, pair => pair.i);
                _index.Add(key, _keys.Count - 1);
            }

            return true;
        }

        public void Set(string key, CelValue value) => Set(CelValue.Of(key), value);

        /// <summary>Adds the entry or replaces the value of the one there is.</summary>
        public void Set(CelValue key, CelValue value)
        {
            if (!TryAdd(key, value) && IndexOf(key) is >= 0 and var index)
            {
                _values[index] = value;
            }
        }

        public CelMap Build() => _keys.Count == 0 ? Empty : new CelMap([.. _keys], [.. _values], _index);

        private int IndexOf(CelValue key) => _index is not null
            ? _index.GetValueOrDefault(key, -1)
            : _keys.FindIndex(each => CelEquality.AreKeysEqual(each, key));
    }
}
