using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>What an expression may name, and in which slot its value stands.</summary>
internal static class PolicyVariables
{
    public const int Agent = 0;
    public const int Action = 1;
    public const int Resource = 2;
    public const int Request = 3;
    public const int Lock = 4;
    public const int Metadata = 5;
    public const int Params = 6;
    public const int Now = 7;
    public const int Run = 8;
    public const int Budget = 9;
    public const int Count = 10;

    /// <summary>Who asks.</summary>
    public static readonly CelRecordType AgentType = new("agent",
    [
        new("id", CelType.String, false), new("role", CelType.String, false), new("roles", CelType.ListOf(CelType.String), false), new("team", CelType.String, false),
        new("labels", CelType.MapOf(CelType.String, CelType.String), false),
    ]);

    /// <summary>What it is about; without a resource only team and labels are there.</summary>
    public static readonly CelRecordType ResourceType = new("resource",
    [
        new("name", CelType.String, true), new("type", CelType.String, true), new("id", CelType.String, true),
        new("team", CelType.String, false), new("labels", CelType.MapOf(CelType.String, CelType.String), false),
    ]);

    /// <summary>The lease that is asked for together with the action, of which nothing is there in a plain check; and the approval that is shown.</summary>
    public static readonly CelRecordType RequestType = new("request",
    [
        new("mode", CelType.String, true), new("priority", CelType.Int, true), new("ttl_ms", CelType.Int, true), new("wait_ms", CelType.Int, true),
        new("max_hold_ms", CelType.Int, true), new("units", CelType.Int, true), new("detached", CelType.Bool, true),
        new("approval", ApprovalFacts.Type, true),
    ]);

    /// <summary>How the resource is held. There is no token in it: what a rule reads may be shown.</summary>
    public static readonly CelRecordType LockType = new("lock",
    [
        new("held", CelType.Bool, false), new("mine", CelType.Bool, false), new("agent_id", CelType.String, true), new("mode", CelType.String, true),
        new("expires_in_ms", CelType.Int, true), new("waiters", CelType.Int, false),
    ]);

    /// <summary>The run that the action belongs to, when the caller names one.</summary>
    public static readonly CelRecordType RunType = new("run", [new("id", CelType.String, true)]);

    /// <summary>How a budget stands for whoever asks; one whose key cannot be told is not among them.</summary>
    public static readonly CelRecordType BudgetType = new("a budget",
    [
        new("cap", CelType.Int, false), new("spent", CelType.Int, false), new("held", CelType.Int, false), new("left", CelType.Int, false), new("disputed", CelType.Int, false),
    ]);

    public static CelEnvironment Environment(CelRecordType metadata, CelRecordType parameters) => new(
    [
        new("agent", AgentType), new("action", CelType.String), new("resource", ResourceType), new("request", RequestType), new("lock", LockType),
        new("metadata", metadata), new("params", parameters), new("now", CelType.Timestamp), new("run", RunType), new("budget", CelType.MapOf(CelType.String, BudgetType)),
    ]);
}
