using StackExchange.Redis;

namespace ProtoMesh.Server.Store.Redis;

/// <summary>Turns the client's replies into <see cref="Reply"/>.</summary>
internal static class RedisReply
{
    // The client tells a single value from a list by its class only: casting a value to a list throws in 1.x and wraps it in 2.x.
    private static readonly Type Single = RedisResult.Create(RedisValue.EmptyString).GetType();

    public static Reply Of(RedisResult result)
    {
        if (result.IsNull)
        {
            return new Reply(null);
        }

        if (result.GetType() == Single)
        {
            var value = (RedisValue)result;
            return value.IsInteger ? new Reply((long)value) : new Reply((string?)value);
        }

        return new Reply(Array.ConvertAll((RedisResult[])result!, Of));
    }
}
