// One scenario in a browser: what it asks the test for, what it sees, what must never happen.
//
//   node browser.mjs SCENARIO CHROMIUM URL SCREENSHOTS MODULES
//
// Speaks with the test in JSON lines: {"step": NAME, ...} asks it to do something, and its answer
// comes back as one line; {"passed": true} ends it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [scenario, program, url, screenshots, modules] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const origin = new URL(url).origin;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const waitMs = 20000;

async function step(name, given = {}) {
  process.stdout.write(`${JSON.stringify({ step: name, ...given })}\n`);
  const { value, done } = await lines.next();
  assert(!done, `the test has gone in the middle of ${name}`);
  return JSON.parse(value);
}

// What a page must not do, wherever it is.
class Watcher {
  constructor() {
    this.errors = [];
    this.requests = [];
  }

  observe(page) {
    page.on('pageerror', (error) => this.errors.push(`${error.stack ?? error}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        this.errors.push(`${message.text()} (${message.location().url})`);
      }
    });
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('websocket', (socket) => this.requests.push(socket.url().replace(/^ws/, 'http')));
    page.on('dialog', (dialog) => {
      this.errors.push(`a dialog opened: ${dialog.message()}`);
      dialog.dismiss();
    });
  }

  // `expected`: what the scenario itself provoked.
  check(expected = []) {
    const errors = this.errors.filter((text) => !expected.some((pattern) => pattern.test(text)));
    assert.deepEqual(errors, [], 'the browser complained');
    const foreign = this.requests.filter((asked) => new URL(asked).origin !== origin);
    assert.deepEqual(foreign, [], 'something was loaded from elsewhere');
    assert(!this.requests.some((asked) => /list/i.test(new URL(asked).pathname)), 'List was asked');
  }
}

const sizes = { wide: { width: 1280, height: 860 }, phone: { width: 360, height: 740 } };

// What makes the page scroll sideways; runs in the page.
function tooWide() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  return [...document.querySelectorAll('body *')]
    .filter((one) => one.getBoundingClientRect().right > clientWidth + 1)
    .map((one) => `${one.tagName}.${one.getAttribute('class')}`)
    .slice(0, 12);
}

// Each view as people will see it; a phone's page must not scroll sideways.
async function shoot(page, name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const [size, viewport] of Object.entries(sizes)) {
      await page.setViewportSize(viewport);
      // Two frames: what watches sizes has drawn again.
      await page.evaluate(
        () =>
          new Promise((done) => {
            requestAnimationFrame(() => requestAnimationFrame(done));
          }),
      );
      const wide = await page.evaluate(tooWide);
      assert.deepEqual(wide, [], `${name} is wider than ${viewport.width} px`);
      await page.screenshot({
        path: `${screenshots}/${name}_${scheme}_${size}.png`,
        fullPage: size === 'wide',
      });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(sizes.wide);
}

const browser = await chromium.launch({
  executablePath: program,
  headless: true,
  args: ['--no-sandbox', '--no-proxy-server', '--disable-gpu', '--disable-quic'],
});
let failed = false;
try {
  const context = await browser.newContext({ viewport: sizes.wide, reducedMotion: 'reduce' });
  context.setDefaultTimeout(waitMs);
  const watcher = new Watcher();
  const page = await context.newPage();
  watcher.observe(page);
  const { run } = await import(`./scenarios/${scenario}.mjs`);
  const go = (view) =>
    page.evaluate((hash) => {
      location.hash = hash;
    }, `#/${view}`);
  await page.goto(url);
  try {
    const { expected } =
      (await run({ page, context, url, step, go, watcher, shoot: (name) => shoot(page, name) })) ??
      {};
    watcher.check(expected);
  } catch (error) {
    const said = await page.evaluate(() => document.body.innerText).catch(() => 'nothing');
    process.stderr.write(
      `The page said:\n${said}\nand complained: ${JSON.stringify(watcher.errors, null, 1)}\n`,
    );
    throw error;
  }
  process.stdout.write('{"passed": true}\n');
} catch (error) {
  failed = true;
  process.stderr.write(`${error.stack}\n`);
} finally {
  await browser.close();
}
process.exit(failed ? 1 : 0);
