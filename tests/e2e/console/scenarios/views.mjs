// Every view, what it shows, with the keyboard and on a phone; and that nothing of it is markup.
import assert from 'node:assert/strict';

const shown = 'alice@example.com:tab-1';
const hostile = '%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E:tab1';
const markup = '<img src=x onerror=alert(1)>';

async function textOf(page, selector) {
  return page.locator(selector).first().innerText();
}

async function overview({ page, step, shoot }) {
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  // Some samples, so that there is a line to draw.
  for (let i = 0; i < 4; ++i) {
    await step('go on');
    await page.waitForRequest(/api\/stats/);
  }
  const tiles = await page.locator('.tile').allInnerTexts();
  const tile = (label) => tiles.find((text) => text.startsWith(label));
  assert.match(tile('Live connections'), /2,[67]\d\d/);
  assert.match(tile('Closes with 1011'), /\b1\b[^]*defect/);
  assert.match(tile('Handshake, median'), /\d ms[^]*p99 \d+ ms/);
  assert.match(tile('Resumes recovered'), /99\.\d %[^]*461 recovered, 1 lost/);
  assert.match(tile('Runs with five of five'), /99\.6 %[^]*1,203 of 1,207 runs/);
  assert.equal(await page.locator('.tile[data-tone=bad]').count(), 1);
  assert.equal(await page.locator('.chart canvas').count(), 3);
  const inked = await page
    .locator('.chart canvas')
    .first()
    .evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value !== 0);
    });
  assert(inked, 'the chart is empty');
  const closes = await page.locator('.card', { hasText: 'Closes by code' }).innerText();
  for (const code of ['1000', '1006', '1011', '4001', '4004', '4500'])
    assert(closes.includes(code));
  assert.match(await textOf(page, '.legend'), /PROCESSING_READY\s+812/);
  await shoot('overview');
}

async function connections({ page, go, shoot }) {
  await go('connections');
  await page.locator('.rows .row').first().waitFor();
  await page.locator('.told', { hasText: '402 connections, live' }).waitFor();
  await page.locator('.cell.key a', { hasText: hostile }).waitFor();
  const rows = await page.locator('.rows .row').count();
  assert(rows < 80, `${rows} rows exist of 402`);
  await shoot('connections');

  await page.getByLabel('Search').fill('user0007');
  await page.locator('.told', { hasText: '1 connection of 402' }).waitFor();
  await page.getByLabel('Search').fill('nobody at all');
  await page.getByText('Nothing matches. Loosen the search').waitFor();
  await page.getByLabel('Search').fill('');

  await page.getByRole('button', { name: 'Waiting' }).click();
  await page.locator('[aria-sort=descending]', { hasText: 'Waiting' }).waitFor();
  assert.equal(await page.locator('.row[aria-rowindex="2"] .cell.outbox_events').innerText(), '3');

  // With the keyboard alone: down, to the end, and in.
  await page.locator('.scroller').focus();
  await page.keyboard.press('End');
  await page.locator('.row.current[aria-rowindex="403"]').waitFor();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  const second = await page.locator('.row.current[aria-rowindex="3"] .cell.key').innerText();
  await page.keyboard.press('Enter');
  await page.locator('h1.keyname', { hasText: second }).waitFor();
}

async function connection({ page, go, step, shoot }) {
  await go(`connection/${encodeURIComponent(shown)}`);
  await page.locator('.node.now[data-state=PROCESSING]').waitFor();
  assert.equal(await page.locator('.node').count(), 12);
  const lifecycle = await page.evaluate(() =>
    fetch('/api/lifecycle', {
      headers: {
        Authorization: `Bearer ${sessionStorage.getItem('interlock.token')}`,
      },
    }).then((answer) => answer.json()),
  );
  const ways = lifecycle.reduce((sum, row) => sum + row.to.length, 0);
  assert.equal(await page.locator('.edge').count(), ways, "the picture is the program's own table");
  assert.equal(
    await page.locator('.edge.last').getAttribute('data-edge'),
    'PROCESSING_READY>PROCESSING',
  );
  assert.equal(await page.locator('.edge.came').count(), 6);
  assert.equal(await page.locator('.timeline li').count(), 9);
  const explained = await textOf(page, '.explained');
  assert.match(explained, /held by gateway/);
  assert(explained.includes(markup), 'a finding is shown as it is');
  await page.locator('.outbox li').nth(2).waitFor();
  const outbox = await textOf(page, '.outboxed');
  assert(outbox.includes('<script>alert(document.cookie)</script>'));
  assert(outbox.includes('{"über":"☃"} …'), 'cut payloads say so');
  await shoot('connection');

  await step('move', { key: shown });
  await page.locator('.node.now[data-state=PROCESSING_READY]').waitFor();
  await page.locator('.timeline li').nth(9).waitFor();

  await go(`connection/${encodeURIComponent(hostile)}`);
  await page.locator('h1.keyname', { hasText: hostile }).waitFor();
  await page.locator('.timeline q', { hasText: '<img' }).waitFor();

  await go('connection/nobody%3Atab');
  await page.getByText('There is no record of this key').waitFor();
}

async function gateways({ page, go, shoot }) {
  await go('gateways');
  await page.locator('.gateway').nth(2).waitFor();
  const first = await textOf(page, '.gateway');
  assert.match(first, /10\.0\.0\.1:8080[^]*820 connections[^]*renewed 2\.3 s ago[^]*closed/);
  assert.match(await page.locator('.gateway').nth(1).innerText(), /backend away/);
  assert.match(await page.locator('.gateway').nth(2).innerText(), /822 left of 822, 20 a second/);
  await shoot('gateways');

  // A dialog keeps the focus, wants a reason, and gives the focus back.
  await page.locator('.gateway').first().getByRole('button', { name: 'Drain' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await shoot('dialog');
  for (let i = 0; i < 6; ++i) {
    await page.keyboard.press('Tab');
    const outside = await page.evaluate(
      () => !document.activeElement.closest('dialog') && document.activeElement !== document.body,
    );
    assert(!outside, 'the focus has left the dialog');
  }
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await dialog.getByText('Say why').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.match(await page.evaluate(() => document.activeElement.innerText), /Drain/);

  await page.keyboard.press('Enter');
  await dialog.getByLabel('Connections a second').fill('50');
  await dialog.getByLabel('Why').fill('new version');
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.locator('.toast', { hasText: 'It sends 1 connection elsewhere.' }).waitFor();
  await page.locator('.toast').waitFor({ state: 'detached' });
}

async function transitions({ page, go, step, shoot }) {
  await go('transitions');
  await page.getByText('Nothing has happened since').waitFor();
  // The watch stands once something is seen; what happens from then on is seen, each once.
  const steps = page.locator('.step');
  for (let tries = 0; tries < 50 && (await steps.count()) === 0; ++tries) {
    await step('move', { key: shown });
    await page.waitForTimeout(200);
  }
  const before = await steps.count();
  for (let i = 0; i < 3; ++i) {
    await step('move', { key: shown });
    await step('move', { key: hostile });
  }
  await steps.nth(before + 5).waitFor();
  assert((await textOf(page, '.tail')).includes(markup));
  await shoot('transitions');
  await page.getByRole('button', { name: 'Pause' }).click();
  await step('move', { key: shown });
  await page.getByText('Paused; 1 line waits').waitFor();
  assert.equal(await steps.count(), before + 6);
  await page.getByRole('button', { name: 'Go on' }).click();
  await steps.nth(before + 6).waitFor();
}

async function alerts({ page, go, shoot }) {
  await go('alerts');
  await page.locator('[data-alert=unacknowledged] tbody tr').nth(9).waitFor();
  const alert = (id) => textOf(page, `[data-alert=${id}]`);
  assert.match(await alert('flapping'), /2 keys are flapping/);
  assert((await alert('flapping')).includes(hostile));
  assert.match(await alert('stale'), /refusals of a stale generation/);
  assert.match(await alert('store_room'), /412 MiB left/);
  assert.match(await alert('c1011'), /1 close with 1011/);
  assert.match(await alert('breaker'), /10\.0\.0\.2:8080 cannot reach its backend/);
  assert((await alert('unacknowledged')).includes(shown));
  assert.match(await textOf(page, '#alert-count'), /^[5-9]/);
  await shoot('alerts');
}

async function frame({ page, go }) {
  await go('overview');
  await page.reload();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  // The first key press of a page leads to the skip link, and that into the content.
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.innerText), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), 'light');
  await page.getByRole('button', { name: 'Switch to dark colours' }).click();
  assert.equal(await theme(), 'dark');
  await page.reload();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.equal(await theme(), 'dark', 'the choice is kept');
  assert(!page.url().includes('token'), 'the address bar does not keep the token');
  const injected = await page.evaluate(
    () => document.querySelectorAll('img:not(.brand img), script:not([src])').length,
  );
  assert.equal(injected, 0);
}

export async function run(given) {
  for (const part of [overview, connections, connection, gateways, transitions, alerts, frame]) {
    await part(given);
    const markupMade = await given.page.evaluate(
      () => [...document.querySelectorAll('main img, main script, main iframe')].length,
    );
    assert.equal(markupMade, 0, `${part.name}: text has become markup`);
  }
  return { expected: [/status of 404/] };
}
