// The states, as the program's own table has them, and how they look.
import * as api from './api.js';
import { h } from './dom.js';

let rows = [];
let phases = new Map();

// [{state, phase, to: [state]}], in the order of the table.
export async function loadLifecycle() {
  rows = await api.get('lifecycle');
  phases = new Map(rows.map((row) => [row.state, row.phase]));
}

export const lifecycle = () => rows;
export const phaseOf = (state) => phases.get(state) ?? 'unknown';
export const isFinal = (state) => phaseOf(state) === 'final';

// What a colour says. Two states of their phases are worse than the others there.
export function toneOf(state) {
  if (state === 'DEGRADED') return 'warn';
  if (state === 'FAILED') return 'bad';
  return phaseOf(state);
}

export function statePill(state) {
  return h('span.pill', { 'data-tone': toneOf(state) }, state || 'new');
}

export function setPill(pill, state) {
  if (pill.textContent === state) return;
  pill.textContent = state;
  pill.dataset.tone = toneOf(state);
}

// A colour of its own for each state of a chart: the tone's hue, further from it with each state.
export function seriesColours() {
  const style = getComputedStyle(document.documentElement);
  return new Map(
    rows.map((row, index) => [
      row.state,
      style.getPropertyValue(`--series-${index + 1}`).trim() || 'gray',
    ]),
  );
}
