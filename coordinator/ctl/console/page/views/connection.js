// One connection: where it is, how it came there, what waits for its client, and what can be done.
import * as api from '../api.js';
import { drawDiagram } from '../diagram.js';
import { confirmAction, say } from '../dialog.js';
import { h, replace, settled } from '../dom.js';
import { bytes, count, duration, number, since, time, words } from '../format.js';
import { watch } from '../live.js';
import { isFinal, statePill } from '../states.js';
import * as world from '../world.js';
import { outboxCard } from './outbox.js';

export const title = 'Connection';

const refreshAfterMs = 60; // several changes at once are looked up once
const explainEveryMs = 5000; // how long it waits grows by itself

const troubled = new Set([
  'ORPHANED',
  'STORE_IS_AWAY',
  'STORE_IS_FULL',
  'OUTBOX_FULL',
  'TAKEOVERS_DAMPED',
  'BEHIND_OPEN_BREAKER',
  'BARRED',
]);

function fact(name, value) {
  return [h('dt', {}, name), h('dd', {}, value)];
}

function ownerOf(connection) {
  if (!connection.owner) return 'nobody';
  const known = world.latest()?.gateways.find((one) => one.gateway_id === connection.owner);
  return [
    known?.address ? `${known.address} ` : '',
    h('code', {}, connection.owner),
    connection.owner_attached ? '' : ' (attached elsewhere)',
  ];
}

function factList(connection) {
  return h(
    'dl.facts',
    {},
    fact('Owner', ownerOf(connection)),
    fact('Generation', connection.generation),
    fact('Subject', connection.subject),
    fact('Changed', `${since(connection.changed_unix_ms)} ago`),
    fact(
      'Events',
      `${number(connection.last_seq)} sent, ${number(connection.acknowledged)} acknowledged`,
    ),
    fact(
      'Waiting',
      `${count(connection.outbox_events, 'event', 'events')}, ${bytes(connection.outbox_bytes)}${
        Number(connection.unacknowledged_ms)
          ? `, for ${duration(connection.unacknowledged_ms)}`
          : ''
      }`,
    ),
    fact('Open runs', number(connection.open_runs)),
    fact('Sequence since', connection.sequence_since),
    fact('Transitions', number(connection.transitions_total)),
    connection.barred
      ? fact('Barred', 'an operator has ended it; its client may not come back')
      : [],
    connection.orphaned ? fact('Orphaned', 'its gateway’s lease has run out') : [],
  );
}

function timeline(entries) {
  if (entries.length === 0) return h('p.empty', {}, 'No transition is on record.');
  return h(
    'ol.timeline',
    {},
    entries
      .toReversed()
      .map((entry) =>
        h(
          'li',
          {},
          h('time', {}, time(entry.time_unix_ms)),
          h(
            'span.move',
            {},
            statePill(entry.from === 'STATE_UNSPECIFIED' ? '' : entry.from),
            h('span.arrow', { 'aria-label': 'to' }, '→'),
            statePill(entry.to),
            entry.count > 1 ? h('small', {}, `×${entry.count}`) : null,
          ),
          h('span.why', {}, h('b', {}, words(entry.actor)), `: ${words(entry.reason)}`),
          h('span.generation', {}, `generation ${entry.generation}`),
          entry.note ? h('q.note', {}, entry.note) : null,
        ),
      ),
  );
}

function explanation(answer) {
  if (answer.findings.length === 0) return h('p', {}, answer.text);
  return h(
    'ul.findings',
    {},
    answer.findings.map(({ why, text }) =>
      h(
        'li',
        { 'data-tone': troubled.has(why) ? 'warn' : '' },
        h('span.why-name', {}, words(why)),
        h('span', {}, text),
      ),
    ),
  );
}

function actions(connection) {
  const { key, generation, state } = connection;
  const ended = isFinal(state);
  const button = (label, name, options, off) =>
    h(
      'button',
      {
        type: 'button',
        'data-action': name,
        disabled: off,
        class: options.danger ? 'danger-quiet' : '',
        onclick: async () => {
          const done = await confirmAction(options);
          if (done) say(options.done);
        },
      },
      label,
    );
  return h(
    'div.buttons',
    {},
    button(
      'Close its socket …',
      'kick-return',
      {
        title: 'Close its socket?',
        verb: 'Close it',
        explanation: `${key}: the client is told 4006, reconnects, and goes on where it was.`,
        done: 'Its socket is closed; the client may return.',
        act: ({ reason }) => api.post('kick', { key, generation, may_return: true, reason }),
      },
      ended,
    ),
    button(
      'Take it from its gateway …',
      'release',
      {
        title: 'Take it from its gateway?',
        verb: 'Take it',
        explanation:
          `${key}: for a gateway that holds what it should not. The ` +
          'connection waits for its client, and what the gateway still does for it is refused.',
        done: 'It has no owner any more.',
        act: ({ reason }) => api.post('release', { key, generation, reason }),
      },
      ended || !connection.owner,
    ),
    button(
      'Kick …',
      'kick',
      {
        title: 'End this connection for good?',
        verb: 'Kick',
        danger: true,
        explanation:
          `${key}: the connection ends, its client is told to stop (4502), and claims of ` +
          'its key are refused while its record is kept.',
        done: 'It is kicked.',
        act: ({ reason }) => api.post('kick', { key, generation, reason }),
      },
      ended,
    ),
  );
}

export function mount(root, { parts: [key = ''] }) {
  const heading = h('h1.keyname', {}, key);
  const state = h('span');
  const problem = h('p.problem', { role: 'alert' });
  const empty = h('p.empty', { hidden: true });
  const picture = h('div.picture', {
    tabindex: '0',
    role: 'region',
    'aria-label': 'State diagram',
  });
  const steps = h('div');
  const facts = h('div');
  const buttons = h('div');
  const words_ = h('div');
  const outbox = outboxCard(key);
  let connection = null;
  let over = false;

  const show = (element, promise, draw) =>
    promise.then(
      (answer) => {
        if (!over) replace(element, draw(answer));
      },
      (error) => {
        if (!over) replace(element, h('p.problem', {}, error.message));
      },
    );

  const explain = () => show(words_, api.get('explain', { key }), explanation);
  const refresh = settled(refreshAfterMs, () => {
    show(
      steps,
      api.get('history', { key }).then((answer) => {
        if (!over && connection) drawPicture(answer.entries);
        return answer.entries;
      }),
      timeline,
    );
    explain();
    outbox.refresh();
  });

  // On a phone the picture is wider than the page: what matters is brought into sight.
  function drawPicture(entries) {
    replace(picture, drawDiagram(connection.state, entries));
    const now = picture.querySelector('.node.now')?.getBoundingClientRect();
    const seen = picture.getBoundingClientRect();
    if (now) picture.scrollLeft += now.left + now.width / 2 - seen.left - seen.width / 2;
  }

  function gone(sentence) {
    empty.hidden = false;
    replace(empty, sentence);
    body.hidden = true;
  }

  function take(response) {
    replace(problem);
    if (response.removed_key)
      gone('Its record has been forgotten: it ended, and its time was over.');
    if (response.caught_up && !connection)
      gone(
        'There is no record of this key. It may never have ' +
          'connected, or it ended and was forgotten.',
      );
    if (!response.changed) return;
    const before = connection;
    connection = response.changed;
    body.hidden = false;
    empty.hidden = true;
    replace(state, statePill(connection.state));
    replace(facts, factList(connection));
    if (before?.generation !== connection.generation || before?.state !== connection.state) {
      replace(buttons, actions(connection));
    }
    refresh();
  }

  const card = (name, label, ...inside) =>
    h(`section.card.${name}`, {}, h('h2', {}, label), inside);
  const body = h(
    'div.detail',
    { hidden: true },
    card('explained', 'Why it is where it is', words_),
    card(
      'diagrammed',
      'State',
      picture,
      h('p.key-to', {}, h('i.came'), 'the way it came', h('i.next'), 'what may come next'),
    ),
    h('div.column', {}, card('facted', 'Record', facts, buttons), outbox.root),
    card('stepped', 'The way it came', steps),
  );
  root.append(
    h(
      'nav.crumbs',
      { 'aria-label': 'Where this is' },
      h('a', { href: '#/connections' }, 'Connections'),
    ),
    h('div.titled', {}, heading, state),
    problem,
    empty,
    body,
  );
  const stop = watch(
    { key, from: 1 },
    {
      response: take,
      away: (sentence) => replace(problem, `${sentence} What is shown is what was seen last.`),
      error: (sentence) => replace(problem, sentence),
    },
  );
  const timer = setInterval(() => {
    if (connection) explain();
  }, explainEveryMs);
  return () => {
    over = true;
    stop();
    clearInterval(timer);
    refresh.cancel();
  };
}
