// Every transition as it becomes durable, newest first.
import { h, perFrame, replace, settled, text } from '../dom.js';
import { count, time, words } from '../format.js';
import { watch } from '../live.js';
import { statePill } from '../states.js';
import { hrefOf } from './connections.js';

export const title = 'Transitions';

const shownMax = 300;
const heldMax = 2000; // while it is paused
const filterAfterMs = 350;

const asked = { filter: '' };

function line(key, entry) {
  return h(
    'li.step',
    {},
    h('time', {}, time(entry.time_unix_ms)),
    h('a.key', { href: hrefOf(key) }, key),
    h(
      'span.move',
      {},
      statePill(entry.from === 'STATE_UNSPECIFIED' ? '' : entry.from),
      h('span.arrow', { 'aria-label': 'to' }, '→'),
      statePill(entry.to),
      entry.count > 1 ? h('small', {}, `×${entry.count}`) : null,
    ),
    h(
      'span.why',
      {},
      `${words(entry.actor)}: ${words(entry.reason)}`,
      entry.note ? h('q', {}, entry.note) : null,
    ),
    h('span.generation', {}, entry.generation),
  );
}

const remark = (sentence, tone) => h('li.step.remark', { 'data-tone': tone }, sentence);

export function mount(root) {
  const list = h('ol.tail', { 'aria-label': 'Transitions, newest first', tabindex: '0' });
  const told = h('p.told', { role: 'status', 'aria-live': 'off' });
  const problem = h('p.problem', { role: 'alert' });
  const nothing = h(
    'p.empty',
    {},
    'Nothing has happened since this view was opened. Each ' +
      'transition of a connection appears here as it becomes durable.',
  );
  let waiting = [];
  let paused = false;
  let leftOut = 0;
  let seen = 0;
  let away = '';
  let stop = () => {};

  const draw = perFrame(() => {
    if (!paused && waiting.length) {
      const fresh = waiting.splice(0).slice(-shownMax);
      list.prepend(...fresh.map((make) => make()).reverse());
      while (list.children.length > shownMax) list.lastChild.remove();
    }
    nothing.hidden = list.children.length > 0;
    text(
      told,
      away ||
        (paused
          ? `Paused; ${count(waiting.length, 'line waits', 'lines wait')}` +
            `${leftOut ? `, ${leftOut} older ones were left out` : ''}.`
          : `Live; ${count(seen, 'transition', 'transitions')} since this view was opened.`),
    );
    told.dataset.tone = away ? 'warn' : '';
  });

  function hold(make) {
    waiting.push(make);
    if (waiting.length > heldMax) {
      waiting.shift();
      leftOut += 1;
    }
    draw();
  }

  function take(response) {
    const back = away !== '';
    away = '';
    if (back)
      hold(() =>
        remark('The coordinator is back; what happened meanwhile may be missing here.', 'warn'),
      );
    const connection = response.changed ?? response.left;
    for (const entry of connection?.transitions ?? []) {
      seen += 1;
      hold(() => line(connection.key, entry));
    }
    if (response.removed_key) hold(() => remark(`${response.removed_key} was forgotten.`, ''));
    if (response.missed)
      hold(() => remark('This page was too slow: some transitions were left out here.', 'warn'));
    draw();
  }

  function begin() {
    stop();
    replace(problem);
    stop = watch(
      { filter: asked.filter },
      {
        response: take,
        away: (sentence) => {
          away = sentence;
          draw();
        },
        error: (sentence) => replace(problem, sentence),
      },
    );
  }

  const later = settled(filterAfterMs, begin);
  const pause = h(
    'button',
    {
      type: 'button',
      id: 'pause',
      'aria-pressed': 'false',
      onclick: () => {
        paused = !paused;
        if (!paused) leftOut = 0;
        pause.setAttribute('aria-pressed', String(paused));
        text(pause, paused ? 'Go on' : 'Pause');
        draw();
      },
    },
    'Pause',
  );
  root.append(
    h('h1', {}, 'Transitions'),
    h(
      'div.tools',
      { role: 'search' },
      h(
        'label.grow',
        {},
        'Filter',
        h('input', {
          type: 'text',
          id: 'filter',
          value: asked.filter,
          autocomplete: 'off',
          spellcheck: 'false',
          placeholder: 'subject = alice',
          oninput: (event) => {
            asked.filter = event.target.value.trim();
            later();
          },
        }),
      ),
      pause,
      h(
        'button',
        {
          type: 'button',
          onclick: () => {
            replace(list);
            draw();
          },
        },
        'Clear',
      ),
    ),
    problem,
    told,
    nothing,
    list,
  );
  begin();
  draw();
  return () => {
    stop();
    later.cancel();
    draw.cancel();
  };
}
