using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary><c>[a, b]</c>; an error in an element is the list's.</summary>
internal sealed class ListExpression(CelSyntax syntax, CelExpression[] elements, CelType type) : CelExpression(syntax, type)
{
    public override IEnumerable<CelExpression> Parts => elements;

    public override CelValue Evaluate(ref CelFrame frame)
    {
        if (!frame.Meter.Charge(1 + elements.Length))
        {
            return Exceeded();
        }

        var values = new CelValue[elements.Length];
        for (var i = 0; i < elements.Length; i++)
        {
            values[i] = elements[i].Evaluate(ref frame);
            if (values[i].IsError)
            {
                return values[i];
            }
        }

        return CelValue.List(values);
    }
}

/// <summary><c>{key: value}</c>; a key that cannot be one, or that stands there twice, is an error.</summary>
internal sealed class MapExpression(CelSyntax syntax, CelExpression[] keys, CelExpression[] values, CelType type) : CelExpression(syntax, type)
{
    public override IEnumerable<CelExpression> Parts => keys.Concat(values);

    public override CelValue Evaluate(ref CelFrame frame)
    {
        // Adding a key may look at the keys before it.
        if (!frame.Meter.Charge(1 + (2 * keys.Length)))
        {
            return Exceeded();
        }

        var map = new CelMap.Builder(keys.Length);
        for (var i = 0; i < keys.Length; i++)
        {
            var key = keys[i].Evaluate(ref frame);
            if (key.IsError)
            {
                return key;
            }

            var value = values[i].Evaluate(ref frame);
            if (value.IsError)
            {
                return value;
            }

            if (!map.TryAdd(key, value))
            {
                return Fail(CelMap.IsKey(key.Kind) ? $"the key {key.ToLiteral()} stands in the map twice" : $"{key.Kind.WithArticle()} cannot be the key of a map");
            }
        }

        return CelValue.Map(map.Build());
    }
}

/// <summary><c>all exists exists_one map filter</c> over a list's elements or a map's keys.</summary>
internal sealed class ComprehensionExpression(
    ComprehensionSyntax syntax, CelExpression range, CelExpression? condition, CelExpression body, int slot, CelType type) : CelExpression(syntax, type)
{
    public override IEnumerable<CelExpression> Parts => condition is null ? [range, body] : [range, condition, body];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var over = range.Evaluate(ref frame);
        switch (over.Kind)
        {
            case CelKind.List:
                return Run(over.Items, ref frame);
            case CelKind.Map:
                return Run(over.AsMap.Keys, ref frame);
            case CelKind.Error:
                return over;
            default:
                return Fail($"{over.Kind.WithArticle()} has no elements");
        }
    }

    private CelValue Run(CelValue[] items, ref CelFrame frame) => syntax.Macro switch
    {
        CelMacro.All => Any(items, decisive: false, ref frame),
        CelMacro.Exists => Any(items, decisive: true, ref frame),
        CelMacro.ExistsOne => One(items, ref frame),
        _ => Collect(items, ref frame),
    };

    /// <summary>As a chain of <c>&amp;&amp;</c> or <c>||</c> over the elements: one that decides outweighs errors.</summary>
    private CelValue Any(CelValue[] items, bool decisive, ref CelFrame frame)
    {
        CelValue error = default;
        var hasError = false;
        foreach (var item in items)
        {
            var value = Step(body, item, ref frame);
            if (frame.Meter.IsExceeded)
            {
                return Exceeded();
            }

            if (value.Kind == CelKind.Bool)
            {
                if (value.AsBool == decisive)
                {
                    return value;
                }
            }
            else if (!hasError)
            {
                error = value.IsError ? value : NoOverload(decisive ? "||" : "&&", value);
                hasError = true;
            }
        }

        return hasError ? error : CelValue.Of(!decisive);
    }

    private CelValue One(CelValue[] items, ref CelFrame frame)
    {
        var count = 0;
        foreach (var item in items)
        {
            var value = Step(body, item, ref frame);
            if (value.Kind != CelKind.Bool)
            {
                return value.IsError ? value : NoOverload("?:", value);
            }

            count += value.AsBool ? 1 : 0;
        }

        return CelValue.Of(count == 1);
    }

    private CelValue Collect(CelValue[] items, ref CelFrame frame)
    {
        var isFilter = syntax.Macro == CelMacro.Filter;
        var taken = isFilter ? body : condition;
        var collected = new List<CelValue>();
        foreach (var item in items)
        {
            if (taken is not null)
            {
                var value = Step(taken, item, ref frame);
                if (value.Kind != CelKind.Bool)
                {
                    return value.IsError ? value : NoOverload("?:", value);
                }

                if (!value.AsBool)
                {
                    continue;
                }
            }

            var result = isFilter ? item : Step(body, item, ref frame);
            if (result.IsError)
            {
                return result;
            }

            collected.Add(result);
        }

        return CelValue.List([.. collected]);
    }

    private CelValue Step(CelExpression part, in CelValue item, ref CelFrame frame)
    {
        if (!frame.Meter.Charge(1))
        {
            return Exceeded();
        }

        frame.Locals[slot] = item;
        return part.Evaluate(ref frame);
    }
}
