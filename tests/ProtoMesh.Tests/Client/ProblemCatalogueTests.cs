using ProtoMesh.Contracts;
using ProtoMesh.Transport;

namespace ProtoMesh.Tests.Client;

public sealed class ProblemCatalogueTests
{
    public static TheoryData<string> Codes => [.. ProblemCatalogue.All.Select(kind => kind.Code)];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_code_has_an_exception_type_of_its_own_kind(string code)
    {
        var kind = ProblemCatalogue.Get(code);
        var exception = Problems.ToException(kind.ToProblem("It happened."));
        Assert.NotEqual(typeof(MeshException), exception.GetType());
        Assert.Equal(code, exception.Code);
        Assert.Equal("It happened.", exception.Message);
        Assert.Equal(kind.NextStep, exception.NextStep);
        Assert.Equal(kind.Retryable, exception.Retryable);
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_entry_is_complete(string code)
    {
        var kind = ProblemCatalogue.Get(code);
        Assert.Matches("^[a-z]+(_[a-z]+)*$", kind.Code);
        Assert.InRange(kind.Status, 400, 599);
        Assert.EndsWith(".", kind.NextStep);
        Assert.EndsWith(".", kind.Description);
        Assert.False(string.IsNullOrWhiteSpace(kind.Title));
        Assert.True(kind.Status != 503 || kind.Retryable, "A 503 says come back.");
    }

    [Fact]
    public void No_code_is_listed_twice() =>
        Assert.Equal(ProblemCatalogue.All.Count, ProblemCatalogue.All.DistinctBy(kind => kind.Code).Count());

    [Fact]
    public void A_code_of_a_newer_service_is_a_plain_mesh_exception()
    {
        var problem = ProblemCatalogue.Get("lock_held").ToProblem() with { Code = "moon_phase" };
        Assert.Equal(typeof(MeshException), Problems.ToException(problem).GetType());
    }
}
