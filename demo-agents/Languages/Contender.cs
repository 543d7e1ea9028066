namespace ProtoMesh.Demo.Languages;

/// <summary>One of the three: who it is, what it is after, and what it was told.</summary>
internal sealed record Contender(string Name, int Priority, string Claim, decimal Wanted)
{
    private readonly List<Report> _reports = [];

    /// <summary>The texts that its model read in place of a payment.</summary>
    public IEnumerable<string> Denials => _reports.Where(report => report.What == What.Denied).Select(report => report.Why);

    public void Heard(Report report) => _reports.Add(report);
}
