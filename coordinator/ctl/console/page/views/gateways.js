// The gateways: what each has to do, how it is, and how it is emptied.
import * as api from '../api.js';
import { memory } from '../alerts.js';
import { confirmAction, say } from '../dialog.js';
import { h, replace } from '../dom.js';
import { compact, count, duration, latency, number, since, words } from '../format.js';
import { quantile } from '../histogram.js';
import * as world from '../world.js';
import { gatewayHealth } from './overview.js';

export const title = 'Gateways';

const perSecondDefault = 100;
const perSecondMax = 100000;

// How many connections each had when its drain was first seen, so that there is a whole to show a
// part of. By gateway.
const drains = new Map();

function fact(name, value) {
  return [h('dt', {}, name), h('dd', {}, value)];
}

function handshakeOf({ handshake }) {
  if (!handshake?.bounds_seconds?.length || !Number(handshake.count)) return '–';
  const histogram = {
    bounds: handshake.bounds_seconds.map(Number),
    buckets: handshake.buckets.map(Number),
  };
  return `${latency(quantile(histogram, 0.5))} · p99 ${latency(quantile(histogram, 0.99))}`;
}

function loadFacts(load) {
  if (!load) return fact('Load', 'not told yet: it comes with the next heartbeat');
  return [
    fact(
      'Sockets',
      `${compact(load.sockets)} open, ${count(load.sessions, 'session', 'sessions')}`,
    ),
    fact('Handshake', handshakeOf(load)),
    fact('Breaker', load.breaker === 'NONE' ? 'no backend' : words(load.breaker)),
    fact(
      'Resumes',
      `${compact(load.resumes_recovered)} recovered, ${compact(load.resumes_lost)} lost`,
    ),
    fact(
      'Sent',
      `${compact(load.events_sent)} events, ${compact(load.transients_dropped)} deltas dropped`,
    ),
    fact('Messages', `${compact(load.messages)} taken by the backend`),
    fact('Refused', count(load.upgrades_refused, 'upgrade', 'upgrades')),
    fact('Memory', memory(load.memory_bytes)),
    fact('Build', `${load.build || '–'} · up ${since(load.started_unix_ms)}`),
  ];
}

function progress(gateway) {
  if (!Number(gateway.draining_per_s)) {
    drains.delete(gateway.gateway_id);
    return null;
  }
  const left = gateway.expired ? 0 : Number(gateway.connections);
  const whole = Math.max(drains.get(gateway.gateway_id) ?? 0, left);
  drains.set(gateway.gateway_id, whole);
  const done = whole - left;
  const label =
    left === 0
      ? 'It is empty: it can be stopped.'
      : `${number(left)} left of ${number(whole)}, ${number(gateway.draining_per_s)} a second, ` +
        `about ${duration((1000 * left) / Number(gateway.draining_per_s))} to go`;
  return h(
    'div.drain',
    { 'data-left': left },
    h('progress', {
      max: Math.max(1, whole),
      value: whole === 0 ? 1 : done,
      'aria-label': 'How far the drain is',
    }),
    h('span', {}, label),
  );
}

async function drain(gateway) {
  const done = await confirmAction({
    title: `Drain ${gateway.address || gateway.gateway_id}?`,
    explanation:
      `It takes no new clients any more and asks its ${count(
        gateway.connections,
        'connection',
        'connections',
      )} to reconnect elsewhere, at this pace. It stays up until it is ` +
      'stopped. This cannot be taken back.',
    verb: 'Drain',
    danger: true,
    fields: [
      {
        name: 'per_s',
        label: 'Connections a second',
        type: 'number',
        min: '1',
        max: String(perSecondMax),
        value: String(perSecondDefault),
      },
    ],
    act: ({ per_s: perSecond, reason }) =>
      api.post('drain', {
        gateway_id: gateway.gateway_id,
        per_s: Number(perSecond),
        reason,
      }),
  });
  if (!done) return;
  drains.set(gateway.gateway_id, Number(done.connections));
  say(`It sends ${count(done.connections, 'connection', 'connections')} elsewhere.`);
  world.look();
}

function card(gateway) {
  const [tone, health] = gatewayHealth(gateway);
  const draining = Number(gateway.draining_per_s) > 0;
  return h(
    'section.card.gateway',
    { 'data-gateway': gateway.gateway_id, 'data-tone': tone },
    h(
      'header',
      {},
      h('h2', {}, gateway.address || 'no address'),
      h('span.health', {}, h('span.dot', { 'data-tone': tone }), health),
    ),
    h('p.id', {}, gateway.gateway_id),
    h(
      'p.big',
      {},
      h('b', {}, number(gateway.connections)),
      ' ',
      h(
        'a',
        { href: `#/connections?filter=${encodeURIComponent(`gateway = ${gateway.gateway_id}`)}` },
        Number(gateway.connections) === 1 ? 'connection' : 'connections',
      ),
    ),
    progress(gateway),
    h(
      'dl.facts',
      {},
      fact('Lease', `renewed ${duration(gateway.lease_age_ms)} ago`),
      fact('Known for', since(gateway.first_seen_unix_ms)),
      loadFacts(gateway.load),
    ),
    h(
      'div.buttons',
      {},
      h(
        'button',
        {
          type: 'button',
          'data-action': 'drain',
          disabled: draining || gateway.expired,
          onclick: () => drain(gateway),
        },
        draining ? 'Draining' : 'Drain …',
      ),
    ),
  );
}

export function mount(root) {
  const cards = h('div.cards.gateways');
  const problem = h('p.problem', { role: 'alert' });
  let calm = null;
  let shown = '';
  root.append(h('h1', {}, 'Gateways'), problem, cards);
  const stop = world.listen((sample) => {
    const emptying = sample.gateways.some(
      (one) => Number(one.draining_per_s) && !one.expired && Number(one.connections),
    );
    if (emptying) calm ??= world.hurried();
    else {
      calm?.();
      calm = null;
    }
    replace(problem, sample.gatewaysError);
    // A button that has the focus keeps it: what has not changed is left alone.
    const now = JSON.stringify(sample.gateways);
    if (now === shown) return;
    shown = now;
    const focused = document.activeElement?.closest?.('[data-gateway]')?.dataset.gateway;
    replace(
      cards,
      sample.gateways.length === 0
        ? h(
            'p.empty',
            {},
            'No gateway is attached. Start one: interlock-gateway ' + '--coordinator=HOST:PORT.',
          )
        : sample.gateways.map(card),
    );
    if (focused) cards.querySelector(`[data-gateway="${CSS.escape(focused)}"] button`)?.focus();
  });
  return () => {
    stop();
    calm?.();
  };
}
