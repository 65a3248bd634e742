// What waits for a client's acknowledgement, as text: a payload is somebody else's.
import * as api from '../api.js';
import { h, replace } from '../dom.js';
import { bytes, duration, number, time } from '../format.js';

// The payload comes as base64 of UTF-8.
function decoded(payload) {
  const raw = Uint8Array.from(atob(payload ?? ''), (char) => char.charCodeAt(0));
  return new TextDecoder().decode(raw);
}

function entry(one) {
  const cut = Number(one.payload_bytes) > atob(one.payload ?? '').length;
  return h(
    'li',
    { 'data-sequence': one.sequence },
    h(
      'div.entry',
      {},
      h('b', {}, `#${one.sequence}`),
      h('span.type', {}, one.type),
      h('time', {}, time(one.time_unix_ms)),
      h('span.soft', {}, bytes(one.payload_bytes)),
      one.run ? h('span.soft', {}, `run ${one.run}, number ${one.number}`) : null,
      Number(one.ttl_ms) ? h('span.soft', {}, `lives ${duration(one.ttl_ms)}`) : null,
    ),
    h('pre.payload', { tabindex: '0' }, decoded(one.payload), cut ? ' …' : ''),
  );
}

// {root, refresh()}
export function outboxCard(key) {
  const body = h('div');
  const more = h(
    'button',
    { type: 'button', hidden: true, onclick: () => load(true) },
    'Show more',
  );
  let entries = [];
  let asked = 0;

  // Answers may overtake each other: only the newest one counts.
  async function load(further) {
    const mine = ++asked;
    const after = further ? entries.at(-1)?.sequence : '0';
    let answer;
    try {
      answer = await api.get('outbox', { key, after });
    } catch (error) {
      if (mine === asked) replace(body, h('p.problem', {}, error.message));
      return;
    }
    if (mine !== asked) return;
    entries = further ? [...entries, ...answer.entries] : answer.entries;
    const held = Number(answer.held);
    more.hidden = entries.length >= held || entries.length === 0;
    replace(
      body,
      held === 0
        ? h('p.soft', {}, 'Nothing waits: its client has acknowledged everything.')
        : [
            h('p.soft', {}, `${number(entries.length)} of ${number(held)} that wait, oldest first`),
            h('ol.outbox', {}, entries.map(entry)),
          ],
    );
  }
  return {
    root: h('section.card.outboxed', {}, h('h2', {}, 'Outbox'), body, more),
    refresh: () => load(false),
  };
}
