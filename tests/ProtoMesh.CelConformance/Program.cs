using System.Globalization;
using ProtoMesh.CelConformance;

const double Goal = 0.97;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is not [var folder, ..] || !Directory.Exists(folder))
{
    Console.Error.WriteLine("Usage: ProtoMesh.CelConformance <folder>, the folder tests/simple/testdata of the repository google/cel-spec.");
    return 2;
}

string[] core =
[
    "basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists", "logic", "macros", "namespace", "parse", "plumbing", "string", "timestamps",
];
var all = Directory.EnumerateFiles(folder, "*.textproto").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal).ToList();
Console.WriteLine($"Not run, they are about messages, enums, wrappers or extensions: {string.Join(", ", all.Except(core))}\n");

var results = new List<(string File, Case Case, Outcome Outcome, string Note)>();
foreach (var file in core)
{
    var content = TextProto.Parse(await File.ReadAllTextAsync(Path.Combine(folder, file + ".textproto")));
    var cases = content.Messages("section").SelectMany(section => section.Messages("test").Select(test => new Case(section.Text("name"), test)));
    var ran = cases.Select(each => (file, each, each.Run())).Select(each => (each.file, each.each, each.Item3.Outcome, each.Item3.Note)).ToList();
    Console.WriteLine($"{file,-14} passed {Passed(ran.Select(each => each.Outcome)),4}   failed {ran.Count(each => each.Outcome == Outcome.Failed),3}   excluded {ran.Count(each => each.Outcome == Outcome.Excluded),3}");
    results.AddRange(ran);
}

Console.WriteLine("\nExcluded:");
foreach (var reason in results.Where(each => each.Outcome == Outcome.Excluded).GroupBy(each => each.Note).OrderByDescending(group => group.Count()))
{
    Console.WriteLine($"  {reason.Count(),4}  {reason.Key}");
}

Console.WriteLine("\nFailed:");
foreach (var (file, each, _, note) in results.Where(each => each.Outcome == Outcome.Failed))
{
    Console.WriteLine($"  {file}/{each.Name}: {each.Expression.ReplaceLineEndings(" ")}\n      {note}");
}

var passed = Passed(results.Select(each => each.Outcome));
var run = results.Count(each => each.Outcome != Outcome.Excluded);
var share = (double)passed / run;
Console.WriteLine($"""

    {passed} of {run} passed, {share:P2}. Of these, {results.Count(each => each.Outcome == Outcome.PassedAtLoad)} expect an error of the evaluation and are refused when the expression is loaded.
    An expression whose test disables the check is compiled without the check of operand types; an undeclared name or function is refused even then.
    """);
return share >= Goal ? 0 : 1;

static int Passed(IEnumerable<Outcome> outcomes) => outcomes.Count(each => each is Outcome.Passed or Outcome.PassedAtLoad);
