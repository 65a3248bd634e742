// Real services: what happens to connections is seen as it happens, and can be steered.
import assert from 'node:assert/strict';

const key = 'anonymous:tab1';
const markup = '<img src=x onerror=alert(1)>';

async function act(page, action, reason) {
  await page.locator(`[data-action=${action}]`).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why').fill(reason);
  await dialog.locator('button[type=submit]').click();
  await dialog.waitFor({ state: 'detached' });
}

async function listedLive({ page, go, step }) {
  await go('connections');
  await page.getByText('No live connection. One appears here').waitFor();
  await step('connect', { session: 'tab1', gateway: 0 });
  const row = page.locator('.rows .row', { hasText: key });
  await row.waitFor();
  await row.locator('.pill', { hasText: 'PROCESSING_READY' }).waitFor();
  await page.getByLabel('Filter').fill('stat = IDLE');
  await page.getByText('there is no such field').waitFor();
  await page.getByLabel('Filter').fill('key = "anonymous:t*"');
  await row.waitFor();
  await page.getByLabel('Filter').fill('');
  await page.getByText('1 connection, live').waitFor();
  await row.click();
}

async function takenOver({ page, step }) {
  await page.locator('.node.now[data-state=PROCESSING_READY]').waitFor();
  const owner = await page.locator('.facts dd').first().innerText();
  assert.match(await page.locator('.explained').innerText(), /held by gateway/);
  await step('connect', { session: 'tab1', gateway: 1 });
  await page.locator('.timeline li', { hasText: 'taken over' }).waitFor();
  await page.locator('.timeline li', { hasText: 'RECONNECTING' }).first().waitFor();
  await page.locator('.node.now[data-state=PROCESSING_READY]').waitFor();
  await page.waitForFunction(
    (before) => document.querySelector('.facts dd').innerText !== before,
    owner,
  );
  assert.equal(await step('code', { number: 0 }), 4500);
}

async function kicked({ page, go, step }) {
  await act(page, 'kick-return', 'to another gateway');
  assert.equal(await step('code', { number: 1 }), 4006);
  await page.locator('.node.now[data-state=RECONNECTING]').waitFor();
  // What is published meanwhile waits, and is shown as what it is.
  await step('publish', { session: 'tab1', text: markup });
  await page.locator('.outbox li', { hasText: markup }).waitFor();
  await page.locator('.explained', { hasText: 'unacknowledged' }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  await step('connect', { session: 'tab1', gateway: 0 });
  await page.locator('.node.now[data-state=PROCESSING_READY]').waitFor();
  await act(page, 'release', 'stuck');
  assert.equal(await step('code', { number: 2 }), 4005);
  await page.locator('.node.now[data-state=RECONNECTING]').waitFor();
  await step('connect', { session: 'tab1', gateway: 1 });
  await page.locator('.node.now[data-state=PROCESSING_READY]').waitFor();
  await act(page, 'kick', `spam ${markup}`);
  assert.equal(await step('code', { number: 3 }), 4502);
  await page.locator('.node.now[data-state=CLOSED]').waitFor();
  await page.locator('.timeline q', { hasText: `anonymous: spam ${markup}` }).waitFor();
  assert(await page.locator('[data-action=kick]').isDisabled(), 'what has ended cannot be kicked');
  // One that has moved on since it was seen is left alone, and the dialog says so.
  await step('connect', { session: 'tab2', gateway: 1 });
  await go('connection/anonymous%3Atab2');
  await page.locator('[data-action=kick]').click();
  await page.getByRole('dialog').getByLabel('Why').fill('late');
  await step('connect', { session: 'tab2', gateway: 0 });
  await page.getByRole('dialog').locator('button[type=submit]').click();
  await page.getByRole('dialog').getByText('generation').waitFor();
  await page.keyboard.press('Escape');
}

async function drained({ page, go, step, shoot }) {
  const { id, connections } = await step('crowd');
  await go('gateways');
  const gateway = page.locator(`[data-gateway="${id}"]`);
  await gateway.getByText(`${connections} connections`).waitFor();
  await gateway.getByRole('button', { name: 'Drain' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Connections a second').fill('15');
  await dialog.getByLabel('Why').fill('new version');
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await dialog.waitFor({ state: 'detached' });
  await gateway.locator('progress').waitFor();
  await page.waitForFunction(
    ([selector, whole]) => {
      const left = Number(document.querySelector(`${selector} .drain`)?.dataset.left);
      return left > 0 && left < whole;
    },
    [`[data-gateway="${id}"]`, connections],
  );
  await shoot('drain');
  await gateway.getByText('It is empty: it can be stopped.').waitFor();
  assert.deepEqual(await step('crowd codes'), [4001]);
}

async function followedThroughARestart({ page, go, step }) {
  await go('connections');
  await page.locator('.told', { hasText: 'live' }).waitFor();
  await step('stop coordinator');
  await page.getByText('What is shown is what was seen last.').waitFor();
  await page.getByText('No coordinator answers').waitFor();
  await step('start coordinator');
  await page.locator('.told', { hasText: /connections?, live/ }).waitFor();
  await step('connect', { session: 'later', gateway: 1 });
  await page.getByLabel('Search').fill('later');
  await page.locator('.rows .row', { hasText: 'anonymous:later' }).waitFor();
}

export async function run(given) {
  for (const part of [listedLive, takenOver, kicked, drained, followedThroughARestart]) {
    await part(given);
  }
  // What the scenario provoked itself: a coordinator that is gone, and refusals.
  return { expected: [/status of (400|404|409|503)/] };
}
