using Microsoft.Playwright;
using ProtoMesh.Server.Access;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

/// <summary>What an explorer sees who opens the page and presses its buttons, in Chromium.</summary>
[Trait("Category", "Slow")]
public sealed class DocsPageTests
{
    [Fact]
    public Task Pressing_Execute_twice_shows_a_grant_and_then_the_first_place_in_the_queue() => TryAsync("Locks-acquireLock", async (call, shown) =>
    {
        await call.Locator("button.execute").ClickAsync();
        await Assertions.Expect(shown).ToContainTextAsync("\"state\": \"granted\"");
        await call.Locator("button.execute").ClickAsync();
        await Assertions.Expect(shown).ToContainTextAsync("\"state\": \"queued\"");
        await Assertions.Expect(shown).ToContainTextAsync("\"position\": 1");
    });

    [Fact]
    public Task A_check_is_denied_and_doing_what_its_answer_says_makes_it_an_allow() => TryAsync("Policies-checkPolicy", async (call, shown) =>
    {
        await call.Locator("button.execute").ClickAsync();
        await Assertions.Expect(shown).ToContainTextAsync("\"decision\": \"deny\"");
        await Assertions.Expect(shown).ToContainTextAsync("Cost $500 exceeds limit $100 for role junior");
        await Assertions.Expect(shown).ToContainTextAsync("metadata.estimated_cost <= 100");
        var body = call.Locator("textarea.body-param__text");
        await body.FillAsync((await body.InputValueAsync()).Replace("500", "100", StringComparison.Ordinal));
        await call.Locator("button.execute").ClickAsync();
        await Assertions.Expect(shown).ToContainTextAsync("\"decision\": \"allow\"");
    });

    [Fact]
    public async Task A_key_that_is_put_in_by_the_Authorize_button_is_sent_along()
    {
        var key = KeyText.New();
        await TryAsync("Locks-acquireLock", async (call, shown) =>
        {
            await Assertions.Expect(call.Page.Locator(".info .description")).ToContainTextAsync("Every call needs a key");
            await call.Page.Locator(".scheme-container button.authorize").ClickAsync();
            var dialog = call.Page.Locator(".dialog-ux .modal-ux");
            await dialog.Locator("input").FillAsync(key);
            await dialog.Locator("button[type=submit]").ClickAsync();
            await dialog.Locator("button.btn-done").ClickAsync();
            await call.Locator("button.execute").ClickAsync();
            await Assertions.Expect(shown).ToContainTextAsync("\"state\": \"granted\"");
        }, ("Auth:BootstrapKey", key));
    }

    private static async Task TryAsync(string operation, Func<ILocator, ILocator, Task> act, params (string Name, string Value)[] settings)
    {
        await using var server = await MeshServer.StartAsync(settings);
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium",
            Args =
            [
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync",
            ],
        });
        var page = await browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = 1300, Height = 1600 } });
        var complaints = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                complaints.Add(message.Text);
            }
        };
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(server.Url.ToString(), StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal))
            {
                complaints.Add($"The page asks for {request.Url}");
            }
        };

        await page.GotoAsync(new Uri(server.Url, "/swagger").ToString());
        await page.Locator(".info .title", new PageLocatorOptions { HasText = "ProtoMesh" }).WaitForAsync();
        var call = page.Locator($"#operations-{operation}");
        await call.Locator(".opblock-summary-control").ClickAsync();
        await call.Locator("button.try-out__btn").ClickAsync();
        await act(call, call.Locator(".live-responses-table .response-col_description .highlight-code").First);
        if (Environment.GetEnvironmentVariable("SCREENSHOTS") is { Length: > 0 } folder)
        {
            await call.ScrollIntoViewIfNeededAsync();
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, $"{operation}.png") });
        }

        Assert.Empty(complaints);
    }
}
