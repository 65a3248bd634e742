// How everything is: a few numbers, a few charts, and who is there.
import { chart } from '../chart.js';
import { h, replace } from '../dom.js';
import { compact, count, duration, latency, number, percent, since } from '../format.js';
import { countOf, difference, handshakes, quantile } from '../histogram.js';
import { memory } from '../alerts.js';
import { isFinal, lifecycle, seriesColours } from '../states.js';
import { onTheme } from '../theme.js';
import * as world from '../world.js';

export const title = 'Overview';

const latencyWindowMs = 30000;
const rateWindowMs = 60000;
const fiveKinds = 5;

function tile(label) {
  const value = h('b.value');
  const note = h('span.note');
  const root = h('div.tile', {}, h('span.label', {}, label), value, note);
  return {
    root,
    show(text, remark, tone = '') {
      replace(value, text);
      replace(note, remark);
      root.dataset.tone = tone;
    },
  };
}

// How often every agent run of those that ended had all five events delivered.
function fiveOfFive(sample) {
  const complete = world.total(sample, 'runs_complete');
  const incomplete = world.total(sample, 'runs_incomplete');
  const kinds = Object.values(world.merged(sample, 'run_events'));
  const whole = kinds.length >= fiveKinds ? Math.min(...kinds) : 0;
  return { whole, all: complete + incomplete };
}

function handshakesBetween(sample, then) {
  return difference(handshakes(sample), then === sample ? null : handshakes(then));
}

function drawTiles(tiles, sample) {
  const then = world.before(rateWindowMs);
  const minutes = Math.max(1, (sample.time - then.time) / 1000) / 60;
  const live = world.liveConnections(sample, isFinal);
  tiles.live.show(
    compact(live),
    `${compact(
      world.total(sample, 'records') / Math.max(1, world.answering(sample).length),
    )} records`,
  );

  const defects = world.closesOf(sample, 1011);
  tiles.defects.show(
    number(defects),
    defects ? 'each a defect of ours' : 'as it must be',
    defects ? 'bad' : 'good',
  );

  const recent = handshakesBetween(sample, world.before(latencyWindowMs));
  const shaken = countOf(recent) ? recent : handshakes(sample);
  tiles.handshake.show(
    latency(quantile(shaken, 0.5)),
    countOf(shaken)
      ? `p99 ${latency(quantile(shaken, 0.99))}${shaken === recent ? '' : ', all time'}`
      : 'none yet',
  );

  const takeovers = world.total(sample, 'takeovers');
  const perMinute = world.rose(takeovers, world.total(then, 'takeovers')) / minutes;
  tiles.takeovers.show(compact(takeovers), `${perMinute.toFixed(perMinute < 10 ? 1 : 0)} a minute`);

  const recovered = world.loadTotal(sample, 'resumes_recovered');
  const lost = world.loadTotal(sample, 'resumes_lost');
  tiles.resumes.show(
    percent(recovered, recovered + lost),
    `${compact(recovered)} recovered, ${compact(lost)} lost`,
    lost ? 'warn' : '',
  );

  const { whole, all } = fiveOfFive(sample);
  tiles.five.show(
    percent(whole, all),
    all ? `${compact(whole)} of ${count(all, 'run', 'runs')}` : 'no run has ended yet',
    all === 0 ? '' : whole < all ? 'warn' : 'good',
  );
}

// One column for each state that anybody was in, of the whole time.
function stateColumns() {
  return lifecycle().map(({ state }) =>
    world.samples.map((sample) => Number(world.byState(sample)[state] ?? 0)),
  );
}

// Of each sample against the one half a minute before it.
function latencyColumns() {
  const columns = [[], []];
  let then = 0;
  for (const sample of world.samples) {
    while (world.samples[then].time < sample.time - latencyWindowMs) ++then;
    const recent = handshakesBetween(sample, world.samples[then]);
    const some = world.samples[then] !== sample && countOf(recent) > 0;
    for (const [column, share] of [
      [columns[0], 0.5],
      [columns[1], 0.99],
    ]) {
      const value = some ? quantile(recent, share) : null;
      column.push(Number.isFinite(value) ? value : null);
    }
  }
  return columns;
}

function rateColumn(value) {
  return world.samples.map((sample, index) => {
    if (index === 0) return null;
    const before = world.samples[index - 1];
    return (1000 * world.rose(value(sample), value(before))) / (sample.time - before.time);
  });
}

function drawCloses(body, sample) {
  const rows = world.closes(sample);
  const most = Math.max(1, ...rows.map((row) => row.count));
  replace(
    body,
    rows.length === 0
      ? h('p.empty', {}, 'No gateway has told of any close yet.')
      : h(
          'table.plain',
          {},
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ['Code', 'Closes', 'Said by', ''].map((text) => h('th', {}, text)),
            ),
          ),
          h(
            'tbody',
            {},
            rows.map(({ code, count: closes, origins }) => {
              const bar = h('i.meter');
              bar.style.width = `${(100 * closes) / most}%`;
              return h(
                'tr',
                { 'data-tone': code === 1011 ? 'bad' : '' },
                h('td', {}, h('b', {}, code)),
                h('td.number', {}, number(closes)),
                h(
                  'td.soft',
                  {},
                  Object.entries(origins)
                    .filter(([, n]) => n)
                    .map(([name, n]) => `${name} ${compact(n)}`)
                    .join(', '),
                ),
                h('td.wide', {}, bar),
              );
            }),
          ),
        ),
  );
}

function coordinatorItem({ address, stats, error }) {
  if (!stats) {
    return h(
      'li',
      {},
      h('span.dot', { 'data-tone': 'bad' }),
      h('b', {}, address),
      h('p.problem', {}, error),
    );
  }
  const health = stats.store_away
    ? ['bad', 'its store is away']
    : stats.store_short_of_room
      ? ['warn', 'its store is short of room']
      : ['good', 'well'];
  const commit = quantile(commitOf(stats), 0.99);
  const facts = [
    `${stats.store || 'store'}`,
    count(stats.attached_gateways, 'gateway', 'gateways'),
    commit === null ? null : `commit p99 ${latency(commit)}`,
    Number(stats.feed_lag_ms) ? `feed ${duration(stats.feed_lag_ms)} old` : null,
    Number(stats.memory_bytes) ? memory(stats.memory_bytes) : null,
    `up ${since(stats.started_unix_ms)}`,
    stats.version,
  ];
  return h(
    'li',
    {},
    h('span.dot', { 'data-tone': health[0] }),
    h('b', {}, address),
    ' ',
    health[1],
    h('p.soft', {}, facts.filter(Boolean).join(' · ')),
  );
}

function commitOf({ commit }) {
  if (!commit?.bounds_seconds?.length) return null;
  return { bounds: commit.bounds_seconds.map(Number), buckets: commit.buckets.map(Number) };
}

export function gatewayHealth({ expired, attached, draining_per_s: draining, load }) {
  if (expired) return ['bad', 'expired'];
  if (Number(draining)) return ['warn', 'draining'];
  if (load?.holding) return ['warn', 'holding'];
  if (load?.breaker === 'OPEN') return ['warn', 'backend away'];
  return attached ? ['good', 'attached'] : ['good', 'elsewhere'];
}

function gatewayRow(gateway) {
  const [tone, text] = gatewayHealth(gateway);
  return h(
    'tr',
    {},
    h('td', {}, gateway.address || gateway.gateway_id.slice(0, 8)),
    h('td', {}, h('span.dot', { 'data-tone': tone }), text),
    h('td.number', {}, count(gateway.connections, 'connection', 'connections')),
  );
}

function drawPlaces(body, sample) {
  replace(
    body,
    h('ul.places', {}, sample.coordinators.map(coordinatorItem)),
    h('h3', {}, 'Gateways ', h('a', { href: '#/gateways' }, 'all about them')),
    sample.gateways.length === 0
      ? h(
          'p.empty',
          {},
          sample.gatewaysError || 'No gateway is attached: start one with --coordinator=HOST:PORT.',
        )
      : h('table.plain', {}, h('tbody', {}, sample.gateways.map(gatewayRow))),
  );
}

export function mount(root) {
  const tiles = {
    live: tile('Live connections'),
    defects: tile('Closes with 1011'),
    handshake: tile('Handshake, median'),
    takeovers: tile('Takeovers'),
    resumes: tile('Resumes recovered'),
    five: tile('Runs with five of five'),
  };
  const css = (name) => () =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const states = chart(
    'Connections by state over time',
    lifecycle().map(({ state }) => ({
      label: state,
      colour: () => seriesColours().get(state),
    })),
    { stacked: true, format: compact },
  );
  const shakes = chart(
    'Handshake latency over time',
    [
      { label: 'p50', colour: css('--accent') },
      { label: 'p99', colour: css('--warn') },
    ],
    { format: latency },
  );
  const rate = (value) => `${value < 10 ? value.toFixed(1) : compact(Math.round(value))}/s`;
  const moves = chart(
    'Transitions, takeovers and resumes a second',
    [
      { label: 'transitions', colour: css('--accent'), fill: true },
      { label: 'takeovers', colour: css('--warn') },
      { label: 'resumes', colour: css('--good') },
    ],
    { format: rate },
  );
  const closes = h('div');
  const places = h('div');
  root.append(
    h('h1', {}, 'Overview'),
    h(
      'div.tiles',
      {},
      Object.values(tiles).map((one) => one.root),
    ),
    h(
      'div.cards',
      {},
      h('section.card.wide', {}, h('h2', {}, 'Connections by state'), states.root),
      h('section.card', {}, h('h2', {}, 'Handshake, until the upgrade is answered'), shakes.root),
      h('section.card', {}, h('h2', {}, 'Transitions, takeovers, resumes'), moves.root),
      h('section.card', {}, h('h2', {}, 'Closes by code'), closes),
      h('section.card', {}, h('h2', {}, 'Coordinators'), places),
    ),
  );

  const draw = (sample) => {
    const times = world.samples.map((one) => one.time / 1000);
    drawTiles(tiles, sample);
    states.draw(times, stateColumns());
    shakes.draw(times, latencyColumns());
    moves.draw(times, [
      rateColumn((one) => world.total(one, 'transitions')),
      rateColumn((one) => world.total(one, 'takeovers')),
      rateColumn((one) => world.loadTotal(one, 'resumes_recovered')),
    ]);
    drawCloses(closes, sample);
    drawPlaces(places, sample);
  };
  const charts = [states, shakes, moves];
  const stopTheme = onTheme(() => charts.forEach((one) => one.repaint()));
  const stop = world.listen(draw);
  return () => {
    stop();
    stopTheme();
    charts.forEach((one) => one.end());
  };
}
