namespace ProtoMesh.Server.Cel;

/// <summary>
/// The work that is left to one decision, and the share of it that one rule may take. A unit is about one operator, one element
/// that is looked at, or sixteen characters that are compared or copied, so the memory that an evaluation takes is bounded with it.
/// </summary>
internal struct CelBudget(int rule, int decision = CelBudget.DecisionLimit)
{
    public const int RuleLimit = 10_000;
    public const int DecisionLimit = 100_000;

    private readonly int _rule = rule;

    /// <summary>A budget with the usual limits, for all rules of one decision.</summary>
    public static CelBudget ForDecision() => new(RuleLimit);

    /// <summary>What is left for the decision; not more than zero once it is exceeded.</summary>
    public int Left { get; private set; } = decision;

    /// <summary>What the next evaluation may take.</summary>
    internal readonly int NextShare => Math.Min(_rule, Left);

    internal void Take(long cost) => Left -= (int)cost;
}
