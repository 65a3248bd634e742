// How everything stands, asked for every two seconds: a few numbers of each coordinator and a line
// for each gateway, however many connections there are. The last half hour is kept for the charts.
import * as api from './api.js';

const everyMs = 2000;
const hurriedMs = 700; // while somebody looks at a drain
const samplesMax = 900;

export const samples = []; // oldest first
export const about = { coordinators: [], version: '' };
const listeners = new Set();
let timer = 0;
let hurry = 0;

// {time, coordinators: [{address, stats, error}], gateways, gatewaysError}
export const latest = () => samples.at(-1) ?? null;

export function listen(listener) {
  listeners.add(listener);
  if (latest()) listener(latest());
  return () => listeners.delete(listener);
}

// Until the function that it returns is called, asks more often.
export function hurried() {
  hurry += 1;
  let over = false;
  return () => {
    if (!over) hurry -= 1;
    over = true;
  };
}

export async function begin() {
  Object.assign(about, await api.get('about'));
  await look();
}

export async function look() {
  clearTimeout(timer);
  const time = Date.now();
  const asked = about.coordinators.map((address, coordinator) =>
    api.get('stats', { coordinator }).then(
      (stats) => ({ address, stats, error: '' }),
      (error) => ({ address, stats: null, error: error.message }),
    ),
  );
  const listed = api.get('gateways').then(
    (answer) => ({ gateways: answer.gateways, gatewaysError: '' }),
    (error) => ({ gateways: latest()?.gateways ?? [], gatewaysError: error.message }),
  );
  const coordinators = await Promise.all(asked);
  samples.push({ time, coordinators, ...(await listed) });
  if (samples.length > samplesMax) samples.shift();
  for (const listener of [...listeners]) listener(latest());
  clearTimeout(timer);
  timer = setTimeout(look, hurry ? hurriedMs : everyMs);
}

// ---- What the numbers say ----

export const answering = (sample) => sample.coordinators.filter((one) => one.stats);

// Of the first coordinator that answers: all of them know all connections.
export const byState = (sample) => answering(sample)[0]?.stats.connections_by_state ?? {};

// Over all coordinators: each counts what it wrote itself.
export const total = (sample, field) =>
  answering(sample).reduce((sum, one) => sum + Number(one.stats[field] ?? 0), 0);

export function merged(sample, field) {
  const sums = {};
  for (const { stats } of answering(sample)) {
    for (const [name, value] of Object.entries(stats[field] ?? {})) {
      sums[name] = (sums[name] ?? 0) + Number(value);
    }
  }
  return sums;
}

export const loads = (sample) =>
  sample.gateways.filter((gateway) => gateway.load).map((gateway) => gateway.load);

export const loadTotal = (sample, field) =>
  loads(sample).reduce((sum, load) => sum + Number(load[field] ?? 0), 0);

// [{code, count, origins: {client, gateway, network}}], by code.
export function closes(sample) {
  const codes = new Map();
  for (const load of loads(sample)) {
    for (const { code, origin, count } of load.closes ?? []) {
      const row = codes.get(code) ?? { code: Number(code), count: 0, origins: {} };
      row.count += Number(count);
      row.origins[origin] = (row.origins[origin] ?? 0) + Number(count);
      codes.set(code, row);
    }
  }
  return [...codes.values()].sort((one, other) => one.code - other.code);
}

export const closesOf = (sample, code) =>
  closes(sample).find((row) => row.code === code)?.count ?? 0;

export const liveConnections = (sample, isFinal) =>
  Object.entries(byState(sample)).reduce(
    (sum, [state, count]) => sum + (isFinal(state) ? 0 : Number(count)),
    0,
  );

// The sample that is about so old, or the oldest.
export function before(milliseconds) {
  const from = (latest()?.time ?? 0) - milliseconds;
  return samples.find((sample) => sample.time >= from) ?? latest();
}

// A counter falls when the program behind it has started anew: then it counts from 0.
export const rose = (now, then) => (now >= then ? now - then : now);
