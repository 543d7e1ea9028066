using ProtoMesh.Server.Store;
using System.Globalization;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Locks;

/// <summary>The calls that only look. They tell no token and change nothing, not even a waiter's liveness.</summary>
internal sealed class LockReader(LockScripts scripts, LockService service)
{
    /// <summary>How many entries one script call walks over, so that a long list never holds up the store.</summary>
    private const int Slice = 200;

    /// <summary>How many resources an order by contention looks at before it sorts what it has seen.</summary>
    private const int MostSorted = 10_000;

    public async Task<Answer<ObservedLock>> GetAsync(LockId id, Caller caller, CancellationToken cancellationToken)
    {
        var (reply, _) = await scripts.ReadAsync(id, 0, cancellationToken);
        return reply.Record is { } record && IsThere(record, caller) ? LockViews.Observed(id, record, reply.Now, reply).For(caller) : LockProblems.Unknown(id);
    }

    public async Task<Answer<Explanation>> ExplainAsync(LockId id, Caller caller, CancellationToken cancellationToken)
    {
        var (reply, ahead) = await scripts.ReadAsync(id, 20, cancellationToken);
        return reply.Record is { } record && IsThere(record, caller) ? LockExplainer.Explain(reply, ahead).For(caller) : LockProblems.Unknown(id);
    }

    /// <summary>What is in another namespace is not there.</summary>
    private static bool IsThere(LockRecord record, Caller caller) => caller.IsIn(record.Wants[0].Name.Namespace);

    /// <summary>Live requests, in the order of their resources; null when the page token is not one of this list.</summary>
    public async Task<LockPage?> ListAsync(LockFilter filter, string? pageToken, int limit, CancellationToken cancellationToken)
    {
        if (!TryPlace("locks", null, pageToken, out var partition, out var from))
        {
            return null;
        }

        var found = new List<ObservedLock>();
        for (; partition < scripts.Partitions; partition++, from = null)
        {
            while (true)
            {
                var (now, entries) = await scripts.ListAsync(partition, from ?? "[!", "+", Slice, cancellationToken);
                foreach (var (member, request) in entries)
                {
                    from = $"({member}";
                    if (filter.Accepts(request.Record, out var isFirst) && isFirst(member))
                    {
                        found.Add(LockViews.Observed(request.Id, request.Record, now));
                        if (found.Count == limit)
                        {
                            return new LockPage { Locks = found, NextPageToken = Token("locks", partition, partition, from) };
                        }
                    }
                }

                if (entries.Count < Slice)
                {
                    break;
                }
            }
        }

        return new LockPage { Locks = found };
    }

    /// <summary>Who holds a resource and who waits for it, the next one first.</summary>
    public async Task<QueuePage?> QueueAsync(ResourceName name, string? pageToken, int limit, CancellationToken cancellationToken)
    {
        var partition = service.PartitionOf(name);
        if (!TryPlace("queue", partition, pageToken, out var before, out var from) || (from is not null && !from.StartsWith($"({name.Full}\u0001", StringComparison.Ordinal)))
        {
            return null;
        }

        var (now, resource) = await scripts.ResourceAsync(partition, name, cancellationToken);
        var (_, holders) = await scripts.ListAsync(partition, $"[{name.Full}\u0001h", $"({name.Full}\u0001i", Slice, cancellationToken);
        var (_, entries) = await scripts.ListAsync(partition, from ?? $"[{name.Full}\u0001w", $"({name.Full}\u0001x", limit + 1, cancellationToken);
        return new QueuePage
        {
            Namespace = name.Namespace,
            Resource = name.Short,
            HeldBy = [.. holders.Select(holder => LockViews.Blocker(holder.Request, now))],
            QueueLength = resource?.Waiting ?? 0,
            GrantableInMs = resource is { Held: 0 } && resource.RestEnds > now ? resource.RestEnds - now : null,
            Waiting = [.. entries.Take(limit).Select((entry, index) =>
                LockViews.Observed(entry.Request.Id, entry.Request.Record, now) with { Position = before + index + 1, QueueLength = resource?.Waiting ?? 0 })],
            NextPageToken = entries.Count > limit ? Token("queue", partition, before + limit, $"({entries[limit - 1].Member}") : null,
        };
    }

    /// <summary>Resources that are held or waited for, by name or the longest queues first.</summary>
    public async Task<ResourcePage?> ResourcesAsync(string? space, string? type, bool byContention, string? pageToken, int limit, CancellationToken cancellationToken)
    {
        var kind = byContention ? "contention" : "resources";
        if (!TryPlace(kind, null, pageToken, out var partition, out var from))
        {
            return null;
        }

        var skip = byContention ? partition : 0;
        partition = byContention ? 0 : partition;
        var found = new List<ResourceSummary>();
        for (; partition < scripts.Partitions && found.Count < MostSorted; partition++, from = null)
        {
            while (found.Count < MostSorted)
            {
                var (now, resources) = await scripts.ResourcesAsync(partition, from ?? "[!", Slice, cancellationToken);
                foreach (var resource in resources)
                {
                    from = $"({resource.Record.Name.Full}\u0001x";
                    if ((space is not null && resource.Record.Name.Namespace != space) || (type is not null && resource.Record.Name.Type != type))
                    {
                        continue;
                    }

                    found.Add(Summary(resource, now));
                    if (!byContention && found.Count == limit)
                    {
                        return new ResourcePage { Resources = found, NextPageToken = Token(kind, partition, partition, from) };
                    }
                }

                if (resources.Count < Slice)
                {
                    break;
                }
            }
        }

        if (!byContention)
        {
            return new ResourcePage { Resources = found };
        }

        var sorted = found.OrderByDescending(resource => resource.QueueLength).ThenByDescending(resource => resource.LongestWaitMs ?? 0)
            .ThenBy(resource => resource.Resource, StringComparer.Ordinal).Skip(skip).ToList();
        return new ResourcePage
        {
            Resources = [.. sorted.Take(limit)],
            NextPageToken = sorted.Count > limit ? Token(kind, 0, skip + limit, "") : null,
        };
    }

    private static ResourceSummary Summary(ResourceReply resource, long now) => new()
    {
        Namespace = resource.Record.Name.Namespace,
        Resource = resource.Record.Name.Short,
        HeldBy = resource.Holder is { } holder ? [LockViews.Blocker(holder, now)] : [],
        QueueLength = resource.Record.Waiting,
        LongestWaitMs = resource.FirstWaiter is { } first ? Math.Max(0, now - first.Record.Enqueued) : null,
        TopPriority = resource.FirstWaiter?.Record.Priority,
        Mode = resource.Record.Mode switch { "x" => LockMode.Exclusive, "s" => LockMode.Shared, "l" => LockMode.Slots, _ => null },
        Capacity = resource.Record.Mode == "l" ? resource.Record.Capacity : null,
        UnitsInUse = resource.Record.Mode == "l" ? resource.Record.Used : null,
        GrantableInMs = resource.Record.Held == 0 && resource.Record.RestEnds > now ? resource.Record.RestEnds - now : null,
    };

    private string Token(string kind, int partition, int number, string from)
    {
        var page = string.Create(CultureInfo.InvariantCulture, $"{kind} {number}");
        return PageTokens.Make(kind, string.Create(CultureInfo.InvariantCulture, $"{number}\n{(from.Length == 0 ? "" : SealedPlaces.Seal(scripts.SecretOf(partition), page, from))}"));
    }

    /// <summary>The number is a partition, or how many came on the pages before; the text is a bound of the ordered set, sealed.</summary>
    private bool TryPlace(string kind, int? home, string? token, out int number, out string? from)
    {
        (number, from) = (0, null);
        if (!PageTokens.TryRead(kind, token, out var place))
        {
            return false;
        }

        if (place?.Split('\n', 2) is not [var digits, var bound])
        {
            return place is null;
        }

        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) || (kind is not ("contention" or "queue") && number >= scripts.Partitions))
        {
            return false;
        }

        if (bound.Length == 0)
        {
            return true;
        }

        from = SealedPlaces.Open(scripts.SecretOf(home ?? (kind == "contention" ? 0 : number)), string.Create(CultureInfo.InvariantCulture, $"{kind} {number}"), bound);
        return from is ['(', (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-', ..]; // a namespace; what is ordered before names is no request
    }
}

/// <summary>Which live requests a list shows; null means any.</summary>
internal sealed record LockFilter(string? Namespace, string? State, string? AgentId, string? Type)
{
    /// <summary>A request of several resources stands at each of them; it is shown once, at the first that the filter accepts.</summary>
    public bool Accepts(LockRecord record, out Func<string, bool> isFirst)
    {
        isFirst = _ => true;
        if ((State is not null && record.State != State) || (AgentId is not null && record.AgentId != AgentId))
        {
            return false;
        }

        var names = record.Wants.Select(want => want.Name)
            .Where(name => (Namespace is null || name.Namespace == Namespace) && (Type is null || name.Type == Type))
            .Select(name => name.Full).Order(StringComparer.Ordinal).ToArray();
        if (names.Length == 0)
        {
            return false;
        }

        isFirst = member => record.Wants.Count == 1 || member.StartsWith($"{names[0]}\u0001", StringComparison.Ordinal);
        return true;
    }
}
