using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ProtoMesh.Server.Store.Embedded;

/// <summary>The memory of one Lua state, for one thread at a time: that is why it is faster than the system's.</summary>
/// <remarks>
/// Blocks of up to <see cref="Largest"/> bytes come from lists of free blocks of the same size and go back there; they are
/// given back to the system with the state. Lua's garbage of one call is what the next call is made of.
/// </remarks>
internal sealed unsafe class LuaMemory : IDisposable
{
    private const int Step = 16;
    private const int Largest = 512;
    private const int ChunkSize = 64 * 1024;
    private readonly State* _state;

    public LuaMemory() => _state = (State*)NativeMemory.AllocZeroed((nuint)sizeof(State));

    public static delegate* unmanaged[Cdecl]<nint, nint, nuint, nuint, nint> Allocator => &Allocate;

    /// <summary>What Lua hands to <see cref="Allocator"/>.</summary>
    public nint Context => (nint)_state;

    public void Dispose()
    {
        for (var chunk = _state->Chunks; chunk is not null;)
        {
            var next = *(void**)chunk;
            NativeMemory.Free(chunk);
            chunk = next;
        }

        NativeMemory.Free(_state);
    }

    /// <summary>Called by Lua, as <c>lua_Alloc</c> says: makes, resizes or, with a new size of 0, frees a block.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Allocate(nint context, nint block, nuint oldSize, nuint newSize)
    {
        var state = (State*)context;
        if (block == 0)
        {
            return newSize == 0 ? 0 : (nint)Take(state, newSize);
        }

        if (newSize == 0)
        {
            Give(state, (void*)block, oldSize);
            return 0;
        }

        if (oldSize > Largest && newSize > Largest)
        {
            return (nint)Resize((void*)block, newSize);
        }

        if (oldSize <= Largest && newSize <= Largest && ClassOf(oldSize) == ClassOf(newSize))
        {
            return block;
        }

        var moved = Take(state, newSize);
        if (moved is null)
        {
            return 0;
        }

        NativeMemory.Copy((void*)block, moved, Math.Min(oldSize, newSize));
        Give(state, (void*)block, oldSize);
        return (nint)moved;
    }

    private static nuint ClassOf(nuint size) => (size + Step - 1) / Step;

    private static void* Take(State* state, nuint size)
    {
        if (size > Largest)
        {
            return Resize(null, size);
        }

        var list = (void**)state->Free + ClassOf(size);
        var block = *list;
        if (block is null)
        {
            return Cut(state, ClassOf(size) * Step);
        }

        *list = *(void**)block;
        return block;
    }

    private static void Give(State* state, void* block, nuint size)
    {
        if (size > Largest)
        {
            NativeMemory.Free(block);
            return;
        }

        var list = (void**)state->Free + ClassOf(size);
        *(void**)block = *list;
        *list = block;
    }

    /// <summary>A block from the chunk that is open. What is left of a chunk when it is too little is not worth keeping.</summary>
    private static void* Cut(State* state, nuint size)
    {
        if (state->Left < size)
        {
            var chunk = (byte*)Resize(null, ChunkSize);
            if (chunk is null)
            {
                return null;
            }

            *(void**)chunk = state->Chunks;
            state->Chunks = chunk;
            state->Open = chunk + Step;
            state->Left = ChunkSize - Step;
        }

        var block = state->Open;
        state->Open += size;
        state->Left -= size;
        return block;
    }

    /// <summary>Null when there is no memory, which Lua makes an error of its own; an exception must not cross its frames.</summary>
    private static void* Resize(void* block, nuint size)
    {
        try
        {
            return NativeMemory.Realloc(block, size);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    private struct State
    {
        public fixed ulong Free[(Largest / Step) + 1];
        public void* Chunks;
        public byte* Open;
        public nuint Left;
    }
}
