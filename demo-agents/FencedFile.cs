using System.Globalization;
using System.Text.Json;

namespace ProtoMesh.Demo;

/// <summary>
/// A JSON file with a register beside it that remembers the highest fencing token it saw. A write with a lower one is
/// refused, in the same step as the write and under the operating system's own lock on the register: that holds even
/// against a writer that was stopped for an hour between asking for its lease and writing.
/// </summary>
internal sealed class FencedFile(string path)
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(5);

    public string Path => path;

    private string RegisterPath => path + ".fence";

    public void Create(CustomerRecord record) => Save(record);

    public CustomerRecord Read() => JsonSerializer.Deserialize(File.ReadAllBytes(path), CustomerJson.Default.CustomerRecord)
        ?? throw new DemoException($"{System.IO.Path.GetFileName(path)} is empty.");

    public async Task<long> HighestTokenAsync()
    {
        await using var register = await LockRegisterAsync();
        return ReadRegister(register);
    }

    /// <returns>False when the token is lower than one that was seen before; nothing has changed then.</returns>
    public async Task<bool> WriteAsync(long token, Func<CustomerRecord, CustomerRecord> change)
    {
        await using var register = await LockRegisterAsync();
        if (token < ReadRegister(register))
        {
            return false;
        }
        // The register first: a crash in between refuses a writer too many, never lets one too many through.
        register.SetLength(0);
        await register.WriteAsync(System.Text.Encoding.ASCII.GetBytes(token.ToString(CultureInfo.InvariantCulture)));
        register.Flush(flushToDisk: true);
        Save(change(Read()));
        return true;
    }

    private static long ReadRegister(FileStream register)
    {
        Span<byte> text = stackalloc byte[20];
        register.Position = 0;
        var length = register.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
        return length == 0 ? 0 : long.Parse(text[..length], CultureInfo.InvariantCulture);
    }

    private async Task<FileStream> LockRegisterAsync()
    {
        while (true)
        {
            try
            {
                return new FileStream(RegisterPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(RegisterPath))
            {
                // Another process is writing; that takes a millisecond.
                await Task.Delay(Retry, TimeProvider.System);
            }
        }
    }

    /// <summary>Readers see the old file or the new one, never half of one.</summary>
    private void Save(CustomerRecord record)
    {
        var next = path + ".next";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(record, CustomerJson.Default.CustomerRecord));
        File.Move(next, path, overwrite: true);
    }
}
