// The page's wiring: token, theme, views by address, and what is shown above all of them.
import * as api from './api.js';
import { alertsIn } from './alerts.js';
import { h, replace } from './dom.js';
import { loadLifecycle } from './states.js';
import { beginTheme } from './theme.js';
import * as world from './world.js';
import * as alerts from './views/alerts.js';
import * as connection from './views/connection.js';
import * as connections from './views/connections.js';
import * as gateways from './views/gateways.js';
import * as overview from './views/overview.js';
import * as transitions from './views/transitions.js';

// `connection` has no line of its own in the navigation: it belongs to `connections`.
const views = { overview, connections, connection, gateways, transitions, alerts };
const order = ['overview', 'connections', 'gateways', 'transitions', 'alerts'];
const main = document.getElementById('main');
let leave = () => {};

// #/connection/alice%3Atab-1?x=y : {name, parts, query}
function place() {
  const [path, query = ''] = location.hash.replace(/^#\//, '').split('?');
  const [name, ...parts] = path.split('/');
  return {
    name: name in views ? name : 'overview',
    parts: parts.map(decodeURIComponent),
    query: new URLSearchParams(query),
  };
}

function show() {
  if (!location.hash.startsWith('#/')) return; // the skip link
  const { name, parts, query } = place();
  leave();
  main.replaceChildren();
  main.dataset.view = name;
  scrollTo(0, 0);
  document.title = `${views[name].title} · Interlock`;
  for (const link of document.querySelectorAll('#nav a')) {
    const here =
      link.dataset.name === name || (name === 'connection' && link.dataset.name === 'connections');
    if (here) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }
    else link.removeAttribute('aria-current');
  }
  leave = views[name].mount(main, { parts, query }) ?? (() => {});
}

function drawNavigation() {
  replace(
    document.getElementById('nav'),
    order.map((name) =>
      h(
        'li',
        {},
        h(
          'a',
          { href: `#/${name}`, 'data-name': name },
          views[name].title,
          name === 'alerts' ? h('span.badge', { id: 'alert-count', hidden: true }) : null,
        ),
      ),
    ),
  );
}

function drawHealth(sample) {
  const answering = world.answering(sample);
  const trouble =
    answering.length < sample.coordinators.length || answering.some((one) => one.stats.store_away);
  const away = answering.some((one) => one.stats.store_away);
  replace(
    document.getElementById('health'),
    h('span.dot', { 'data-tone': answering.length === 0 ? 'bad' : trouble ? 'warn' : 'good' }),
    answering.length === 0
      ? 'No coordinator answers'
      : away
        ? 'The store is away'
        : trouble
          ? `${answering.length} of ${sample.coordinators.length} coordinators answer`
          : sample.coordinators.length === 1
            ? `${sample.coordinators[0].address}`
            : `${answering.length} coordinators`,
  );
  const alertsNow = alertsIn(sample).filter((one) => one.tone !== 'good').length;
  const badge = document.getElementById('alert-count');
  badge.hidden = alertsNow === 0;
  replace(badge, alertsNow, h('span.unseen', {}, ' open'));
}

function refuse(sentence) {
  replace(
    main,
    h(
      'div.empty',
      {},
      h('h1', {}, 'This page cannot go on'),
      h('p', {}, sentence),
      h(
        'p',
        {},
        'Start ',
        h('code', {}, 'interlockctl console'),
        ' and open the address that it ',
        'prints, all of it.',
      ),
    ),
  );
}

async function begin() {
  beginTheme(document.getElementById('theme'));
  drawNavigation();
  // The skip link and the navigation must not fight over the address.
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault();
    main.focus();
  });
  if (!api.takeToken()) {
    refuse('It was opened without the token that belongs to it.');
    return;
  }
  try {
    await loadLifecycle();
    await world.begin();
  } catch (error) {
    refuse(error.message);
    return;
  }
  world.listen(drawHealth);
  addEventListener('hashchange', show);
  if (!location.hash.startsWith('#/')) history.replaceState(null, '', '#/overview');
  show();
}

begin();
