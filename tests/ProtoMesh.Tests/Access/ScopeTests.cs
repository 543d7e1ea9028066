using Microsoft.AspNetCore.Builder;
using ProtoMesh.Server.Access;

namespace ProtoMesh.Tests.Access;

public sealed class ScopeTests
{
    [Fact]
    public async Task A_route_without_a_scope_does_not_start()
    {
        await using var app = WebApplication.CreateSlimBuilder().Build();
        app.MapGet("/open", () => "").NeedsNoKey();
        app.MapGet("/guarded", () => "").Needs(Scopes.LocksRead);
        app.CheckScopes();
        app.MapGet("/forgotten", () => "");
        Assert.Contains("/forgotten", Assert.Throws<InvalidOperationException>(app.CheckScopes).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_scope_belongs_to_a_role_other_than_admin_or_is_about_keys_and_namespaces() => Assert.All(
        Enum.GetValues<Scopes>().Except([Scopes.None]), scope => Assert.True(Roles.With(scope).Count() > 1 || scope is Scopes.KeysAdmin or Scopes.NamespacesAdmin, Roles.Name(scope)));

    [Fact]
    public void A_role_that_does_not_exist_may_nothing() => Assert.Equal(Scopes.None, Roles.Of("king"));

    [Fact]
    public void Scopes_read_as_room_and_verb() => Assert.Equal(
        ["locks:acquire", "locks:keep", "locks:read", "locks:operate", "events:read", "policies:check", "policies:read", "policies:write", "decisions:read", "health:read", "keys:admin", "budgets:read", "budgets:reserve", "budgets:admin",
         "approvals:request", "approvals:read", "approvals:decide", "namespaces:read", "namespaces:admin"],
        Enum.GetValues<Scopes>().Except([Scopes.None]).Select(Roles.Name));
}
