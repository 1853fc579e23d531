// The login page in a headless Chromium. Reads a JSON object on stdin: `base` (the service), `ids` (by what is done with
// them), `user`, `password`, `shots` (a folder for screenshots), `chromium` (the program). Writes what it saw, as JSON.
import { readFileSync } from "node:fs";
import axe from "axe-core";
import { chromium } from "playwright-core";

const given = JSON.parse(readFileSync(0, "utf8"));
const { base, ids, user, password, shots } = given;
const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 375, height: 667 };

const browser = await chromium.launch({
    executablePath: given.chromium,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"],
});
const seen = {};

// A browser of its own: no cookie of another's.
async function visitor(options = {}) {
    const context = await browser.newContext({ viewport: WIDE, ...options });
    const page = await context.newPage();
    const foreign = [];
    const complaints = [];
    page.on("request", (request) => request.url().startsWith(base) || foreign.push(request.url()));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    return { context, page, foreign, complaints };
}

// Chromium refuses to run what the page's policy forbids, axe too; the check looks at the same page without the policy.
async function faults(page, options) {
    const context = await browser.newContext({ ...options, bypassCSP: true });
    const other = await context.newPage();
    await other.route("**/*", async (route) => {
        if (!route.request().isNavigationRequest()) return route.continue();
        await route.fulfill({ contentType: "text/html; charset=utf-8", body: html });
    });
    const html = await page.content();
    await other.goto(page.url());
    await other.evaluate(axe.source);
    const found = await other.evaluate(() => axe.run(document));
    await context.close();
    if (found.passes.length < 10) throw new Error(`axe looked at ${found.passes.length} things only`);
    return found.violations.filter((it) => ["serious", "critical"].includes(it.impact)).map((it) => [
        it.id, it.nodes.map((node) => node.html),
    ]);
}

async function look(page, name) {
    await page.screenshot({ path: `${shots}/${name}-1280.png`, fullPage: true });
    const before = page.viewportSize();
    await page.setViewportSize(PHONE);
    await page.screenshot({ path: `${shots}/${name}-375.png`, fullPage: true });
    const state = {
        title: await page.title(),
        text: await page.locator("main").innerText(),
        faults: await faults(page, { viewport: PHONE }),
        dark: await faults(page, { viewport: PHONE, colorScheme: "dark" }),
        // Nothing is cut off, or has to be pushed sideways, on a phone; what is pressed is big enough for a thumb.
        sideways: await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
        small: await page.evaluate(() => [...document.querySelectorAll("button, input:not([type=hidden]), a.button")]
            .map((it) => it.getBoundingClientRect()).filter((box) => box.height < 44 || box.width < 44).length),
        focused: await page.evaluate(() => document.activeElement?.id ?? ""),
    };
    await page.setViewportSize(before);
    return state;
}

const login = (id) => `${base}/auth/login?session_id=${id}`;

async function signIn(page, word) {
    await page.getByLabel("Name or e-mail").fill(user);
    await page.getByLabel("Password").fill(word);
    await page.getByRole("button", { name: "Sign in" }).click();
}

async function poll(id) {
    const response = await fetch(`${base}/auth/session/${id}`, { headers: { "user-agent": "cube-agent/0.3.65" } });
    return { status: response.status, body: await response.json() };
}

// From the page to a key, by mouse; a wrong password before.
{
    const { context, page, foreign, complaints } = await visitor();
    await page.goto(login(ids.good));
    seen.form = await look(page, "sign-in");
    await signIn(page, "wrong password");
    seen.wrong = await look(page, "wrong-password");
    seen.wrong.typed = await page.getByLabel("Name or e-mail").inputValue();
    seen.wrong.described = await page.getByLabel("Password").getAttribute("aria-describedby");
    await signIn(page, password);
    seen.nobody = await look(page, "nobody-waits");
    seen.pending = await poll(ids.good);
    await page.getByRole("link", { name: "Look again who waits" }).click();
    seen.question = await look(page, "question");
    // A second browser, which the id was sent to, gets nothing.
    const other = await visitor();
    await other.page.goto(login(ids.good));
    seen.other = await look(other.page, "other-browser");
    await other.context.close();
    await page.getByRole("button", { name: "Allow" }).click();
    seen.done = await look(page, "done");
    seen.ready = await poll(ids.good);
    // The id again, in the browser that signed in.
    await page.goto(login(ids.good));
    seen.replayed = await look(page, "replayed");
    seen.complaints = complaints.filter((text) => !text.includes("the server responded with a status of"));
    seen.foreign = foreign;
    seen.cookies = (await context.cookies()).map((it) => [it.name, it.httpOnly, it.sameSite]);
    await context.close();
}

// By keyboard alone, without scripts, on a phone.
{
    const { context, page } = await visitor({ javaScriptEnabled: false, viewport: PHONE, hasTouch: true, isMobile: true });
    await page.goto(login(ids.plain));
    // The page puts the cursor into its first field a moment after it is loaded.
    await page.locator("input:focus").waitFor();
    await page.keyboard.type(user);
    await page.keyboard.press("Tab");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Hand out a key?" }).waitFor();
    await page.screenshot({ path: `${shots}/without-scripts-375.png`, fullPage: true });
    for (let step = 0; step < 20; step++) {
        await page.keyboard.press("Tab");
        if (await page.locator("button:focus", { hasText: "Allow" }).count()) break;
    }
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Signed in" }).waitFor();
    seen.plain = await poll(ids.plain);
    await context.close();
}

// Denied.
{
    const { context, page } = await visitor();
    await page.goto(login(ids.denied));
    await signIn(page, password);
    await page.getByRole("button", { name: "Deny" }).click();
    seen.denied = await look(page, "denied");
    seen.denied.polled = await poll(ids.denied);
    await context.close();
}

// A session that expired, and an address without one.
{
    const { context, page } = await visitor();
    await page.goto(login(ids.expired));
    seen.expired = await look(page, "expired");
    await page.goto(`${base}/auth/login`);
    seen.none = await look(page, "no-login");
    await context.close();
}

// A form that another site sends, and one with a token that is not this browser's.
{
    const { context, page } = await visitor();
    await page.goto(login(ids.forged));
    const token = await page.locator("input[name=token]").getAttribute("value");
    await page.route("http://evil.example/**", (route) => route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${base}/auth/login"><input name="session_id" value="${ids.forged}">
            <input name="token" value="${token}"><input name="username" value="${user}">
            <input name="password" value="${password}"><button>Win a prize</button></form>`,
    }));
    await page.goto("http://evil.example/");
    await page.getByRole("button").click();
    await page.getByRole("heading", { name: "This form is not ours" }).waitFor();
    seen.forged = await look(page, "forged");
    await page.goto(login(ids.forged));
    await page.evaluate(() => { document.querySelector("input[name=token]").value = "x".repeat(43); });
    await signIn(page, password);
    seen.forged_token = await page.locator("h1").innerText();
    seen.forged.polled = await poll(ids.forged);
    await context.close();
}

await browser.close();
console.log(JSON.stringify(seen));
