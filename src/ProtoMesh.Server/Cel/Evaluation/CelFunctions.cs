using System.Collections.Frozen;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>
/// Every function by its name and the way it is called. A body returns <c>default</c> for arguments that none of its overloads takes;
/// the call makes an error of it.
/// </summary>
internal static class CelFunctions
{
    private static readonly FrozenDictionary<(string Name, bool IsMember), CelFunction> All =
        new[] { CelTexts.Functions, CelConversions.Functions, CelCalendar.Functions }
            .SelectMany(static each => each)
            .ToFrozenDictionary(static each => (each.Name, each.IsMember));

    public static CelFunction? Find(string name, bool isMember) => All.GetValueOrDefault((name, isMember));
}
