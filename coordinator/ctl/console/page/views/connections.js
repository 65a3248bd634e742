// All connections, live: one watch shows them as they stand and then what changes.
import { Grid } from '../grid.js';
import { h, perFrame, replace, settled, text } from '../dom.js';
import { compact, count, number, shortId, since } from '../format.js';
import { Records, recordsMax } from '../records.js';
import { setPill, statePill } from '../states.js';

export const title = 'Connections';

// Sorting ten thousand rows takes a few milliseconds; more often than this nobody could read it.
const sortEveryMs = 250;
const filterAfterMs = 350;

export const hrefOf = (key) => `#/connection/${encodeURIComponent(key)}`;

const order = { by: 'key', descending: false };
const asked = { filter: '', live: true, search: '' };

const numeric = new Set([
  'outbox_events',
  'open_runs',
  'generation',
  'transitions_total',
  'changed_unix_ms',
]);

function compare(one, other) {
  const mine = one[order.by];
  const theirs = other[order.by];
  const difference = numeric.has(order.by)
    ? Number(mine) - Number(theirs)
    : mine < theirs
      ? -1
      : mine > theirs
        ? 1
        : 0;
  if (difference !== 0) return order.descending ? -difference : difference;
  return one.key < other.key ? -1 : 1;
}

// What the coordinator is asked for.
function wholeFilter() {
  if (!asked.live) return asked.filter;
  return asked.filter ? `(${asked.filter}) AND live` : 'live';
}

function columns() {
  const linked = (element, item) => {
    text(element, item.key);
    const href = hrefOf(item.key);
    if (element.getAttribute('href') !== href) element.setAttribute('href', href);
  };
  const flag = (item) => (item.orphaned ? ' orphaned' : item.barred ? ' barred' : '');
  return [
    {
      name: 'state',
      label: 'State',
      sort: true,
      cell: () => statePill(''),
      fill: (pill, item) => {
        setPill(pill, item.state);
        pill.title = flag(item).trim();
      },
    },
    { name: 'key', label: 'Key', sort: true, cell: () => h('a', { tabindex: '-1' }), fill: linked },
    {
      name: 'owner',
      label: 'Owner',
      sort: true,
      fill: (cell, item) => text(cell, item.owner ? shortId(item.owner) : '–'),
    },
    {
      name: 'outbox_events',
      label: 'Waiting',
      sort: true,
      fill: (cell, item) =>
        text(cell, Number(item.outbox_events) ? compact(item.outbox_events) : '·'),
    },
    {
      name: 'open_runs',
      label: 'Runs',
      sort: true,
      fill: (cell, item) => text(cell, Number(item.open_runs) ? item.open_runs : '·'),
    },
    { name: 'generation', label: 'Generation', sort: true },
    {
      name: 'transitions_total',
      label: 'Steps',
      sort: true,
      fill: (cell, item) => text(cell, compact(item.transitions_total)),
    },
    {
      name: 'changed_unix_ms',
      label: 'Changed',
      sort: true,
      fill: (cell, item) => text(cell, since(item.changed_unix_ms)),
    },
  ];
}

export function mount(root, { query }) {
  if (query.has('filter')) asked.filter = query.get('filter');
  const problem = h('p.problem', { role: 'alert', id: 'filter-problem' });
  const told = h('p.told', { role: 'status', 'aria-live': 'polite' });
  const nothing = h('div.empty.over', { hidden: true });
  let records = null;
  let sortedAt = 0;
  let sortedVersion = -1;
  let waiting = 0;

  const grid = new Grid('Connections', columns(), {
    open: (item) => {
      location.hash = hrefOf(item.key);
    },
    sorted: (name) => {
      order.descending = order.by === name ? !order.descending : name !== 'key';
      order.by = name;
      grid.toTop();
      sortNow();
    },
  });

  function sortNow() {
    clearTimeout(waiting);
    waiting = 0;
    sortedAt = performance.now();
    sortedVersion = records.version;
    const needle = asked.search.toLowerCase();
    const items = [...records.byKey.values()].filter(
      (one) => !needle || one.key.toLowerCase().includes(needle) || one.owner.startsWith(needle),
    );
    items.sort(compare);
    grid.showOrder(order.by, order.descending);
    grid.show(items);
    tell(items.length);
  }

  function tell(shown) {
    const all = records.byKey.size;
    replace(
      problem,
      records.error ||
        (records.tooMany ? `Only ${number(recordsMax)} of them are shown: narrow the filter.` : ''),
    );
    const note = records.away
      ? `${records.away} What is shown is what was seen last.`
      : !records.caughtUp
        ? `${number(all)} so far …`
        : `${count(shown, 'connection', 'connections')}${shown < all ? ` of ${number(all)}` : ''}, live`;
    text(told, records.error ? '' : note);
    told.dataset.tone = records.away ? 'warn' : '';
    nothing.hidden = shown > 0 || !records.caughtUp || Boolean(records.error);
    if (!nothing.hidden) {
      replace(
        nothing,
        all > 0 || asked.filter
          ? 'Nothing matches. Loosen the search or the filter.'
          : asked.live
            ? 'No live connection. One appears here as soon as a client connects to a ' +
              'gateway; untick “live only” to see those that have ended.'
            : 'No connection is on record. One appears here as soon as a client connects.',
      );
    }
  }

  const draw = perFrame(() => {
    if (records.version === sortedVersion && !records.error && !records.away) return;
    const left = sortedAt + sortEveryMs - performance.now();
    if (left <= 0) sortNow();
    else if (!waiting) waiting = setTimeout(sortNow, left);
  });

  function begin() {
    records?.end();
    sortedVersion = -1;
    grid.toTop();
    records = new Records(wholeFilter(), draw);
    sortNow();
  }

  const later = settled(filterAfterMs, begin);
  root.append(
    h('h1', {}, 'Connections'),
    h(
      'div.tools',
      { role: 'search' },
      h(
        'label',
        {},
        'Search',
        h('input', {
          type: 'search',
          value: asked.search,
          id: 'search',
          autocomplete: 'off',
          placeholder: 'part of a key, or an owner',
          oninput: (event) => {
            asked.search = event.target.value.trim();
            grid.toTop();
            sortNow();
          },
        }),
      ),
      h(
        'label.grow',
        {},
        'Filter',
        h('input', {
          type: 'text',
          value: asked.filter,
          id: 'filter',
          autocomplete: 'off',
          spellcheck: 'false',
          'aria-describedby': 'filter-problem',
          placeholder: 'state = RECONNECTING AND age > 30s',
          oninput: (event) => {
            asked.filter = event.target.value.trim();
            later();
          },
        }),
      ),
      h(
        'label.check',
        {},
        h('input', {
          type: 'checkbox',
          id: 'live',
          checked: asked.live,
          onchange: (event) => {
            asked.live = event.target.checked;
            begin();
          },
        }),
        'live only',
      ),
    ),
    problem,
    told,
    h('div.fill', {}, grid.root, nothing),
  );
  begin();
  grid.mount();
  // Ages grow by themselves.
  const ages = setInterval(() => grid.draw(), 1000);
  return () => {
    clearInterval(ages);
    clearTimeout(waiting);
    later.cancel();
    draw.cancel();
    grid.end();
    records.end();
  };
}
