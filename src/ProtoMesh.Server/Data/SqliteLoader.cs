using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace ProtoMesh.Server.Data;

/// <summary>Lets SQLite's provider load the SQLitePCLRaw that was built with, also when EF Core asks for a newer one.</summary>
/// <remarks>
/// The runtime refuses an assembly of a lower version than the one referenced, but takes what a resolver returns. With a
/// version that satisfies EF Core the resolver is never asked.
/// </remarks>
internal static class SqliteLoader
{
    private const string Core = "SQLitePCLRaw.core";

    [ModuleInitializer]
    internal static void Initialize()
    {
        AssemblyLoadContext.Default.Resolving += Resolve;
        Load();
    }

    private static Assembly? Resolve(AssemblyLoadContext context, AssemblyName wanted)
    {
        var file = Path.Combine(AppContext.BaseDirectory, Core + ".dll");
        return wanted.Name == Core && File.Exists(file) ? context.LoadFromAssemblyPath(file) : null;
    }

    /// <summary>Not inlined: the caller must have hooked the resolver before this method's types are loaded.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Load() => SQLitePCL.Batteries_V2.Init();
}
