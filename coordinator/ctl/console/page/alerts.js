// What somebody ought to look at, from the numbers alone. Counters are compared with those of a
// while ago, so that what is over stops being an alert.
import { bytes, count, duration, number } from './format.js';
import * as world from './world.js';

const windowMs = 5 * 60 * 1000;

const isStale = (name) => name === 'STALE_GENERATION';

function staleRefusals(sample) {
  return Object.entries(world.merged(sample, 'refusals')).reduce(
    (sum, [name, value]) => sum + (isStale(name) ? value : 0),
    0,
  );
}

// {id, tone: bad | warn | good, title, text, keys}
export function alertsIn(sample) {
  const then = world.before(windowMs);
  const span = duration(Math.max(1000, sample.time - then.time));
  return [
    ...storeAlerts(sample),
    ...coordinatorAlerts(sample),
    ...gatewayAlerts(sample),
    defects(sample, then, span),
    slowConsumers(sample, then, span),
    flapping(sample),
    stale(sample, then, span),
  ];
}

function storeAlerts(sample) {
  const found = [];
  for (const { address, stats } of world.answering(sample)) {
    if (stats.store_away) {
      found.push({
        id: 'store_away',
        tone: 'bad',
        title: 'The store is away',
        text:
          `${address} cannot promise anything until it is back: sockets stay open and are held, ` +
          'new ones wait. Look at the store.',
      });
    }
    if (stats.store_short_of_room) {
      found.push({
        id: 'store_room',
        tone: 'warn',
        title: 'The store is short of room',
        text: stats.store_short_of_room,
      });
    }
  }
  if (found.length === 0 && world.answering(sample).length) {
    found.push({ id: 'store', tone: 'good', title: 'The store is there, and has room', text: '' });
  }
  return found;
}

function coordinatorAlerts(sample) {
  return sample.coordinators
    .filter((one) => !one.stats)
    .map((one) => ({
      id: 'coordinator',
      tone: 'bad',
      title: `Coordinator ${one.address} does not answer`,
      text: one.error,
    }));
}

function gatewayAlerts(sample) {
  const found = [];
  for (const { gateway_id: id, address, expired, load } of sample.gateways) {
    const name = address || id;
    if (expired) {
      found.push({
        id: 'gateway',
        tone: 'warn',
        title: `Gateway ${name} has lost its lease`,
        text: 'Its connections wait for their clients; it comes back under another id.',
      });
    } else if (load?.breaker === 'OPEN') {
      found.push({
        id: 'breaker',
        tone: 'warn',
        title: `Gateway ${name} cannot reach its backend`,
        text: 'Its breaker is open: messages are refused as retryable, nothing is lost.',
      });
    } else if (load?.holding) {
      found.push({
        id: 'holding',
        tone: 'warn',
        title: `Gateway ${name} holds its sockets`,
        text: 'No coordinator has confirmed its lease in time: data waits.',
      });
    }
  }
  return found;
}

function defects(sample, then, span) {
  const all = world.closesOf(sample, 1011);
  const fresh = world.rose(all, world.closesOf(then, 1011));
  return {
    id: 'c1011',
    tone: all > 0 ? 'bad' : 'good',
    title: all > 0 ? `${count(all, 'close', 'closes')} with 1011` : 'No close with 1011',
    text:
      all > 0
        ? `${number(fresh)} of them in the last ${span}. 1011 is only ever sent for a defect of ours: ` +
          'the gateway’s log names the connection.'
        : '',
  };
}

function slowConsumers(sample, then, span) {
  const all = world.closesOf(sample, 4004);
  const fresh = world.rose(all, world.closesOf(then, 4004));
  return {
    id: 'slow',
    tone: fresh > 0 ? 'warn' : 'good',
    title:
      fresh > 0
        ? `${count(fresh, 'slow consumer was', 'slow consumers were')} cut off`
        : 'No slow consumer of late',
    text:
      fresh > 0
        ? `Closed with 4004 in the last ${span}, ${number(all)} in all: clients that do ` +
          'not read what they are sent. They resume.'
        : all
          ? `${number(all)} before.`
          : '',
  };
}

function flapping(sample) {
  const keys = [
    ...new Set(world.answering(sample).flatMap((one) => one.stats.flapping_keys ?? [])),
  ];
  return {
    id: 'flapping',
    tone: keys.length ? 'warn' : 'good',
    keys,
    title: keys.length
      ? `${count(keys.length, 'key is', 'keys are')} flapping`
      : 'No key is flapping',
    text: keys.length
      ? 'Taken over too often of late, so further takeovers wait: two clients seem ' +
        'to use the same session.'
      : '',
  };
}

function stale(sample, then, span) {
  const all = staleRefusals(sample);
  const fresh = world.rose(all, staleRefusals(then));
  return {
    id: 'stale',
    tone: fresh > 0 ? 'warn' : 'good',
    title:
      fresh > 0
        ? `${count(fresh, 'refusal', 'refusals')} of a stale generation`
        : 'No stale generation was refused of late',
    text:
      fresh > 0
        ? `In the last ${span}; ${number(all)} in all. A gateway that had lost a ` +
          'connection tried to act for it, and was fenced.'
        : all
          ? `${number(all)} before.`
          : '',
  };
}

// Of the memory of a process, where it is told.
export const memory = (value) => (Number(value) ? bytes(value) : '–');
