using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>A field whose place in its record is known.</summary>
internal sealed class FieldExpression(CelSyntax syntax, CelExpression operand, CelField known, int index) : CelExpression(syntax, known.Type)
{
    /// <summary>Most fields are a variable's; taking them from there saves a call and a copy.</summary>
    private readonly int _slot = (operand as VariableExpression)?.Slot ?? -1;

    private readonly CelValue _absent = CelValue.Error(new CelFault($"no such field '{known.Name}'", syntax.Position));

    public CelExpression Operand => operand;

    public bool IsOptional => known.IsOptional;

    public int Index => index;

    public override IEnumerable<CelExpression> Parts => [operand];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        if (!frame.Meter.Charge(1))
        {
            return Exceeded();
        }

        var fields = _slot >= 0 ? frame.Variables[_slot].AsRecord : null;
        if (fields is null)
        {
            var record = operand.Evaluate(ref frame);
            fields = record.AsRecord;
            if (fields is null)
            {
                return record.IsError ? record : Fail($"{record.Kind.WithArticle()} has no fields");
            }
        }

        var value = fields[index];
        return value.IsAbsent ? _absent : value;
    }
}

/// <summary>A field of a map, or of something whose type only its value tells.</summary>
internal sealed class SelectExpression(CelSyntax syntax, CelExpression operand, string name, CelType type) : CelExpression(syntax, type)
{
    private readonly CelValue _key = CelValue.Of(name);

    public CelExpression Operand => operand;

    public string Field => name;

    public override IEnumerable<CelExpression> Parts => [operand];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var from = operand.Evaluate(ref frame);
        if (!frame.Meter.Charge(1))
        {
            return Exceeded();
        }

        return from.Kind switch
        {
            CelKind.Error => from,
            CelKind.Map => from.AsMap.TryGet(_key, out var value) ? value : Fail($"no such key: '{name}'"),
            CelKind.Record => from.AsRecord![name] is { IsAbsent: false } known ? known : Fail($"no such field '{name}'"),
            var kind => Fail($"{kind.WithArticle()} has no fields"),
        };
    }
}

/// <summary><c>has(operand.field)</c>.</summary>
internal sealed class HasExpression(HasSyntax syntax, CelExpression select) : CelExpression(syntax, CelType.Bool)
{
    private readonly string _field = syntax.Select.Field;
    private readonly int _index = (select as FieldExpression)?.Index ?? -1;
    private readonly CelValue _key = CelValue.Of(syntax.Select.Field);

    private readonly CelExpression _operand = select switch
    {
        FieldExpression field => field.Operand,
        SelectExpression dynamic => dynamic.Operand,
        _ => select,
    };

    public CelExpression Select => select;

    public override IEnumerable<CelExpression> Parts => [_operand];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var from = _operand.Evaluate(ref frame);
        if (!frame.Meter.Charge(1))
        {
            return Exceeded();
        }

        return from.Kind switch
        {
            CelKind.Error => from,
            CelKind.Map => CelValue.Of(from.AsMap.Contains(_key)),
            CelKind.Record => CelValue.Of(!(_index >= 0 ? from.AsRecord![_index] : from.AsRecord![_field]).IsAbsent),
            var kind => Fail($"{kind.WithArticle()} has no fields"),
        };
    }
}

internal sealed class IndexExpression(CelSyntax syntax, CelExpression operand, CelExpression index, CelType type) : CelExpression(syntax, type)
{
    public CelExpression Operand => operand;

    public CelExpression Index => index;

    public override IEnumerable<CelExpression> Parts => [operand, index];

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var from = operand.Evaluate(ref frame);
        if (from.IsError)
        {
            return from;
        }

        var key = index.Evaluate(ref frame);
        if (key.IsError)
        {
            return key;
        }

        if (!frame.Meter.Charge(1))
        {
            return Exceeded();
        }

        return from.Kind switch
        {
            CelKind.Map => from.AsMap.TryGet(key, out var value) ? value : Fail($"no such key: {key.ToLiteral()}"),
            CelKind.List => At(from.Items, key),
            _ => NoOverload("[]", from, key),
        };
    }

    private CelValue At(CelValue[] items, CelValue key)
    {
        var at = key.Kind switch
        {
            CelKind.Int => key.AsInt,
            CelKind.Uint => (long)Math.Min(key.AsUint, long.MaxValue),
            CelKind.Double when key.AsDouble is >= 0 and < int.MaxValue && double.IsInteger(key.AsDouble) => (long)key.AsDouble,
            _ => -1,
        };
        return (ulong)at < (ulong)items.Length ? items[at]
            : key.Kind.IsNumber() ? Fail($"index {key.ToLiteral()} is out of range, the list has {items.Length} elements")
            : Fail($"a list has no index {key.ToLiteral()}");
    }
}
