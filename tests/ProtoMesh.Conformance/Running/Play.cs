using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Running;

/// <summary>One run of a scenario.</summary>
internal sealed class Play : IAsyncDisposable
{
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(5);

    private readonly Scene _scene;
    private readonly ConcurrentDictionary<string, object> _things = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Background> _background = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _sections = new(StringComparer.Ordinal);

    private Play(Scene scene) => _scene = scene;

    /// <exception cref="ScenarioFailure">It does not hold.</exception>
    public static async Task RunAsync(Scenario scenario, StageClient stage)
    {
        var names = new Names(NewRun());
        await using var scene = await Scene.SetAsync(stage, scenario, names);
        await using var play = new Play(scene);
        for (var index = 0; index < scenario.Steps.Count; index++)
        {
            await play.StepAsync(string.Create(CultureInfo.InvariantCulture, $"step {index + 1}"), scenario.Steps[index], names);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var background in _background.Values)
        {
            await background.Stop.CancelAsync();
        }

        await Task.WhenAll(_background.Values.Select(background => (Task)background.Run)).WaitAsync(EndLimit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task StepAsync(string where, JsonObject step, Names names)
    {
        if (step["together"] is JsonArray members)
        {
            await TogetherAsync(where, members, names.Resolve(step["count"]), LimitOf(step), names);
        }
        else if (step["sleep_ms"] is { } sleep)
        {
            await Task.Delay((int)sleep);
        }
        else if (step["give_up"] is { } given)
        {
            await Find(names.Text((string)given!)).Stop.CancelAsync();
        }
        else if (step["join"] is { } joined)
        {
            var name = names.Text((string)joined!);
            var background = Find(name);
            await JudgeAsync($"{where}, join {name}", step, names, background.Watch, () => background.Run);
        }
        else if (step["start"] is { } start)
        {
            var stop = new CancellationTokenSource();
            _background[names.Text((string)start!)] = new Background(CallAsync(step, names, stop.Token), stop, Stopwatch.StartNew());
        }
        else
        {
            using var stop = new CancellationTokenSource();
            try
            {
                await JudgeAsync($"{where}, {step["op"]}", step, names, Stopwatch.StartNew(), () => CallAsync(step, names, stop.Token));
            }
            finally
            {
                await stop.CancelAsync();
            }
        }
    }

    /// <summary>Calls until what is expected holds, once unless the step says for how long.</summary>
    private async Task JudgeAsync(string where, JsonObject step, Names names, Stopwatch watch, Func<Task<Outcome>> call)
    {
        var limit = LimitOf(step);
        var patience = TimeSpan.FromMilliseconds((int?)step["until_ms"] ?? 0);
        while (true)
        {
            var failure = await FailureAsync(where, step, names, call, limit);
            if (failure is null)
            {
                var took = names.Resolve(step["took_ms"]);
                if (took is not null && Pattern.Difference(took, watch.ElapsedMilliseconds, "the time it took in ms") is { } difference)
                {
                    throw new ScenarioFailure($"{where}: {difference}");
                }

                return;
            }

            if (watch.Elapsed >= patience)
            {
                throw failure;
            }

            await Task.Delay(Pause);
        }
    }

    /// <summary>Null when it gave what was expected, which is then kept.</summary>
    private async Task<ScenarioFailure?> FailureAsync(string where, JsonObject step, Names names, Func<Task<Outcome>> call, TimeSpan limit)
    {
        try
        {
            var outcome = await BoundedAsync(where, call(), limit);
            if (outcome.Difference(names.Resolve(step["expect"])) is { } difference)
            {
                return new ScenarioFailure($"{where}: {difference}");
            }

            Keep(step, names, outcome);
            return null;
        }
        catch (ScenarioFailure failure)
        {
            return failure;
        }
    }

    private async Task<Outcome> CallAsync(JsonObject step, Names names, CancellationToken stop)
    {
        try
        {
            var op = (string)step["op"]!;
            var args = names.Resolve(step["args"]) as JsonObject ?? [];
            if (op.StartsWith("section.", StringComparison.Ordinal))
            {
                Count(op, args);
                return new Outcome(new Result((JsonNode?)null), null);
            }

            var on = step["on"] is { } named ? _things.GetValueOrDefault(names.Text((string)named!)) ?? throw new ScenarioFailure($"nothing was saved as {named}") : null;
            return new Outcome(op switch
            {
                "value" => new Result(args["of"]?.DeepClone()),
                "stage.requests" => new Result(await _scene.RequestsAsync()),
                _ when op.StartsWith("stage.", StringComparison.Ordinal) => await SteerAsync(op["stage.".Length..], args),
                "close" => await CloseAsync(names.Text((string)step["actor"]!)),
                _ => await Operations.RunAsync(_scene.ClientOf(names.Text((string)step["actor"]!)), op, args, on, names, stop),
            }, null);
        }
        catch (Exception fault) when (fault is not ScenarioFailure)
        {
            return new Outcome(null, fault);
        }
    }

    private async Task TogetherAsync(string where, JsonArray members, JsonNode? count, TimeSpan limit, Names names)
    {
        var barrier = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var copies = members.Select(member => member!.AsObject()).SelectMany(member =>
            member["repeat"]?["times"] is { } times
                ? Enumerable.Range(0, (int)times).Select(index => (Member: member, Names: names.Repeated(index)))
                : [(Member: member, Names: names)]).ToList();
        var outcomes = copies.Select(copy => Task.Run(async () =>
        {
            await barrier.Task;
            return await MemberAsync(where, copy.Member, copy.Names, counted: count is not null);
        })).ToList();
        barrier.SetResult();
        var all = await EndAsync($"{where}, together", Task.WhenAll(outcomes), limit);
        if (count is null)
        {
            return;
        }

        var counts = new JsonObject();
        foreach (var group in all.GroupBy(outcome => outcome, StringComparer.Ordinal))
        {
            counts[group.Key] = group.Count();
        }

        var unexpected = counts.Select(pair => pair.Key).FirstOrDefault(key => !count.AsObject().ContainsKey(key));
        if ((unexpected is null ? Pattern.Difference(count, counts) : $"{unexpected} is not among them") is { } difference)
        {
            throw new ScenarioFailure($"{where}, together: {difference}: {counts.ToJsonString()}");
        }
    }

    /// <returns>How it ended, in a word.</returns>
    private async Task<string> MemberAsync(string where, JsonObject member, Names names, bool counted)
    {
        IEnumerable<JsonObject> steps = member["steps"] is JsonArray several ? several.Select(step => step!.AsObject()) : [member];
        var last = "ok";
        foreach (var step in steps)
        {
            if (!counted || step["expect"] is not null || (step["op"] ?? step["join"]) is null)
            {
                await StepAsync(where, step, names);
                continue;
            }

            var call = step["join"] is { } joined ? Find(names.Text((string)joined!)).Run : CallAsync(step, names, CancellationToken.None);
            var outcome = await BoundedAsync($"{where}, {step["op"] ?? "join"}", call, LimitOf(step));
            last = outcome.Word((string?)step["op"]);
            if (outcome.Fault is not null)
            {
                return last;
            }

            Keep(step, names, outcome);
        }

        return last;
    }

    private void Keep(JsonObject step, Names names, Outcome outcome)
    {
        if (step["save"] is not { } save || outcome.Result is not { } result)
        {
            return;
        }

        var name = names.Text((string)save!);
        names.Save(name, result.Value);
        if (result.Thing is { } thing)
        {
            _things[name] = thing;
        }
    }

    private void Count(string op, JsonObject args)
    {
        var name = (string)args["section"]!;
        var inside = _sections.AddOrUpdate(name, _ => 1, (_, old) => op == "section.enter" ? old + 1 : old - 1);
        if (op == "section.enter" && inside > ((int?)args["most"] ?? 1))
        {
            throw new ScenarioFailure($"{inside} are inside {name} at once");
        }
    }

    private async Task<Result> SteerAsync(string what, JsonObject args)
    {
        await _scene.SteerAsync(what, args);
        return new Result((JsonNode?)null);
    }

    private async Task<Result> CloseAsync(string actor)
    {
        await _scene.CloseAsync(actor);
        return new Result((JsonNode?)null);
    }

    private Background Find(string name) => _background.GetValueOrDefault(name) ?? throw new ScenarioFailure($"nothing was started as {name}");

    private static TimeSpan LimitOf(JsonObject step) => (int?)step["within_ms"] is { } own ? TimeSpan.FromMilliseconds(own) : StepLimit;

    private static async Task<Outcome> BoundedAsync(string where, Task<Outcome> call, TimeSpan limit)
    {
        try
        {
            return await EndAsync(where, call, limit);
        }
        catch (ScenarioFailure failure) when (!failure.Message.StartsWith(where, StringComparison.Ordinal))
        {
            throw new ScenarioFailure($"{where}: {failure.Message}");
        }
    }

    private static async Task<T> EndAsync<T>(string where, Task<T> call, TimeSpan limit)
    {
        try
        {
            return await call.WaitAsync(limit);
        }
        catch (TimeoutException)
        {
            throw new ScenarioFailure(string.Create(CultureInfo.InvariantCulture, $"{where}: no end within {limit.TotalMilliseconds} ms"));
        }
    }

    private static string NewRun() => $"r{Guid.NewGuid().ToString("N")[..7]}";

    private sealed record Background(Task<Outcome> Run, CancellationTokenSource Stop, Stopwatch Watch);
}
