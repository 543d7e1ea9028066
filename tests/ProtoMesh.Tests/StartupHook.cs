using ProtoMesh.Tests.Rig;

/// <summary>What .NET runs before the service's own Main when <c>DOTNET_STARTUP_HOOKS</c> names this assembly; name and place are its rule.</summary>
internal static class StartupHook
{
    public static void Initialize() => Steps.Watch();
}
