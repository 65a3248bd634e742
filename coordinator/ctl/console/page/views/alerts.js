// What somebody ought to look at now.
import { alertsIn } from '../alerts.js';
import { h, perFrame, replace } from '../dom.js';
import { bytes, count, duration } from '../format.js';
import { Records } from '../records.js';
import { statePill } from '../states.js';
import * as world from '../world.js';
import { hrefOf } from './connections.js';

export const title = 'Alerts';

const oldestShown = 10;
const redrawMs = 1000;
const rank = { bad: 0, warn: 1, good: 2 };

// By now: the coordinator said how long it had been when it sent the record.
const waitedMs = (one) => Number(one.unacknowledged_ms) + (performance.now() - one.received);

function card(alert) {
  return h(
    'section.card.alert',
    { 'data-tone': alert.tone, 'data-alert': alert.id },
    h('h2', {}, h('span.dot', { 'data-tone': alert.tone }), alert.title),
    alert.text ? h('p', {}, alert.text) : null,
    alert.keys?.length
      ? h(
          'ul.keys',
          {},
          alert.keys.map((key) => h('li', {}, h('a', { href: hrefOf(key) }, key))),
        )
      : null,
  );
}

function oldest(records) {
  const waiting = [...records.byKey.values()].sort((a, b) => waitedMs(b) - waitedMs(a));
  const rows = waiting.slice(0, oldestShown);
  return h(
    'section.card.alert',
    { 'data-alert': 'unacknowledged' },
    h('h2', {}, 'Events that wait longest for their client'),
    records.error ? h('p.problem', {}, records.error) : null,
    records.away ? h('p.problem', {}, records.away) : null,
    rows.length === 0
      ? h(
          'p.soft',
          {},
          records.caughtUp ? 'Nothing waits: every event has been acknowledged.' : '…',
        )
      : h(
          'table.plain',
          {},
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              h('th', {}, 'Key'),
              h('th.narrow-out', {}, 'State'),
              h('th', {}, 'Waits'),
              h('th.narrow-out', {}, 'Events'),
            ),
          ),
          h(
            'tbody',
            {},
            rows.map((one) =>
              h(
                'tr',
                {},
                h('td.keycell', {}, h('a', { href: hrefOf(one.key) }, one.key)),
                h('td.narrow-out', {}, statePill(one.state)),
                h('td.number', {}, duration(waitedMs(one))),
                h(
                  'td.number.narrow-out',
                  {},
                  `${count(one.outbox_events, 'event', 'events')}, ${bytes(one.outbox_bytes)}`,
                ),
              ),
            ),
          ),
        ),
    waiting.length > rows.length
      ? h(
          'p.soft',
          {},
          `and ${count(waiting.length - rows.length, 'other', 'others')}: `,
          h('a', { href: '#/connections?filter=outbox_events%20%3E%200' }, 'all of them'),
        )
      : null,
  );
}

export function mount(root) {
  const cards = h('div.cards');
  const waiting = h('div');
  root.append(h('h1', {}, 'Alerts'), cards, waiting);
  const drawWaiting = perFrame(() => replace(waiting, oldest(records)));
  const records = new Records('outbox_events > 0', () => {});
  const stop = world.listen((sample) => {
    const alerts = alertsIn(sample).sort((a, b) => rank[a.tone] - rank[b.tone]);
    replace(cards, alerts.map(card));
  });
  // Once a second, however much happens: a link that is being clicked should stay where it is.
  const timer = setInterval(drawWaiting, redrawMs);
  drawWaiting();
  return () => {
    stop();
    clearInterval(timer);
    drawWaiting.cancel();
    records.end();
  };
}
