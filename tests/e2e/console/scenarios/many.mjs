// Ten thousand connections: all of them are there, few of them are in the document, and scrolling
// does not stutter, also while they change.
import assert from 'node:assert/strict';

const rowsInDocumentMax = 80;
const scrollSteps = 120;
const medianFrameMsMax = 50; // of a busy machine without a graphics card

// Scrolls from the top to the end, one step a frame; returns how long frames took, how many rows
// there were at most, and whether each row was where it belongs. Runs in the page.
async function scrollThrough({ steps, expected }) {
  const scroller = document.querySelector('.scroller');
  const frame = () =>
    new Promise((done) => {
      requestAnimationFrame(done);
    });
  const took = [];
  let most = 0;
  let wrong = '';
  let last = await frame();
  for (let step = 0; step <= steps; ++step) {
    scroller.scrollTop = (scroller.scrollHeight * step) / steps;
    const now = await frame();
    took.push(now - last);
    last = await frame();
    const box = scroller.getBoundingClientRect();
    const rows = [...document.querySelectorAll('.rows .row:not([hidden])')];
    most = Math.max(most, document.querySelectorAll('.rows .row').length);
    for (const row of rows) {
      const index = Number(row.getAttribute('aria-rowindex')) - 2;
      const key = row.querySelector('.key a').textContent;
      if (key !== expected[index]) wrong ||= `row ${index} is ${key}, not ${expected[index]}`;
    }
    const inSight = rows.filter((row) => {
      const place = row.getBoundingClientRect();
      return place.bottom > box.top + 40 && place.top < box.bottom;
    });
    const covered = inSight.length * 34;
    if (covered < box.height - 80) wrong ||= `only ${inSight.length} rows are in sight`;
  }
  took.sort((one, other) => one - other);
  return { most, wrong, median: took[took.length >> 1], slowest: took.at(-1) };
}

export async function run({ page, go, step, shoot }) {
  const keys = await step('claim');
  const began = Date.now();
  await go('connections');
  await page.getByText(`${keys.length.toLocaleString('en')} connections, live`).waitFor();
  const listedMs = Date.now() - began;
  keys.sort();
  assert.equal(
    await page.locator('.scroller').getAttribute('aria-rowcount'),
    String(keys.length + 1),
  );

  const calm = await page.evaluate(scrollThrough, { steps: scrollSteps, expected: keys });
  assert.equal(calm.wrong, '');
  assert(calm.most < rowsInDocumentMax, `${calm.most} rows are in the document`);

  const changes = step('change', { seconds: 4 });
  const busy = await page.evaluate(scrollThrough, { steps: scrollSteps, expected: keys });
  const changed = await changes;
  assert(changed > 100, `only ${changed} changes came meanwhile`);
  assert.equal(busy.wrong, '');
  assert(busy.most < rowsInDocumentMax, `${busy.most} rows are in the document`);
  for (const { median } of [calm, busy]) {
    assert(median < medianFrameMsMax, `the median frame takes ${median} ms`);
  }

  // The last ones, by another order; and one among them, found.
  await page.getByRole('button', { name: 'Key' }).click();
  await page.locator('.row[aria-rowindex="2"]', { hasText: keys.at(-1) }).waitFor();
  await page.getByLabel('Search').fill(keys[4321]);
  await page.getByText(`1 connection of ${keys.length.toLocaleString('en')}`).waitFor();
  await page.getByLabel('Search').fill('');
  await page.getByLabel('Filter').fill('state = IDLE');
  // What was there before the filter goes with the first of what comes through it.
  await page.waitForFunction(() => {
    const pills = [...document.querySelectorAll('.rows .row:not([hidden]) .pill')];
    return pills.length > 0 && pills.every((pill) => pill.textContent === 'IDLE');
  });
  await page.getByLabel('Filter').fill('');
  await page.getByText(`${keys.length.toLocaleString('en')} connections, live`).waitFor();
  await shoot('many');

  // A name that is markup where a subject may be one.
  const hostile = await step('claim hostile');
  await page.getByLabel('Search').fill('onerror');
  await page.locator('.rows .row', { hasText: hostile.key }).click();
  await page.locator('.facts dd', { hasText: hostile.subject }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  await step('report', { calm, busy, listedMs });
  return { expected: [] };
}
