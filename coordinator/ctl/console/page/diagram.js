// The table of states as a picture, made from the table that the program serves: a column for each
// phase, from the first claim on the left to the end on the right.
import { lifecycle, toneOf } from './states.js';
import { svg } from './dom.js';

const node = { width: 146, height: 34 };
const gap = { x: 78, y: 34 };
const margin = 18;
const apart = 7; // between the two ways of a pair
const bulge = 26; // of an arc that passes its neighbours

// [[state]] from left to right; phases of a single state share a column.
function columnsOf(rows) {
  const columns = [];
  for (const { state, phase } of rows) {
    const last = columns.at(-1);
    if (last && last.phase === phase) last.states.push(state);
    else columns.push({ phase, states: [state] });
  }
  const merged = [];
  for (const { states } of columns) {
    if (states.length === 1 && merged.at(-1)?.alone) merged.at(-1).states.push(...states);
    else merged.push({ alone: states.length === 1, states: [...states] });
  }
  return merged.map((column) => column.states);
}

// {places: state -> {column, row, x, y}, width, height}: the middle of each.
function place() {
  const columns = columnsOf(lifecycle());
  const rows = Math.max(...columns.map((states) => states.length));
  const places = new Map();
  columns.forEach((states, column) =>
    states.forEach((state, index) => {
      const row = index + (rows - states.length) / 2;
      places.set(state, {
        column,
        row,
        x: margin + node.width / 2 + column * (node.width + gap.x),
        y: margin + node.height / 2 + row * (node.height + gap.y),
      });
    }),
  );
  return {
    places,
    width: 2 * margin + columns.length * (node.width + gap.x) - gap.x,
    height: 2 * margin + rows * (node.height + gap.y) - gap.y,
  };
}

function between(from, to) {
  if (from.column === to.column) return within(from, to);
  const forth = from.column < to.column ? 1 : -1;
  const start = { x: from.x + forth * (node.width / 2), y: from.y - forth * apart };
  const end = { x: to.x - forth * (node.width / 2 + 2), y: to.y - forth * apart };
  const reach = Math.abs(end.x - start.x) / 2;
  return `M${start.x},${start.y} C${start.x + forth * reach},${start.y} ${
    end.x - forth * reach
  },${end.y} ${end.x},${end.y}`;
}

// Neighbours are joined by a line; those that are further apart by an arc, down on the left and up
// on the right.
function within(from, to) {
  const down = to.row > from.row ? 1 : -1;
  const steps = Math.abs(to.row - from.row);
  if (steps === 1) {
    const x = from.x - down * 2 * apart;
    return `M${x},${from.y + (down * node.height) / 2} L${x},${to.y - down * (node.height / 2 + 2)}`;
  }
  const side = -down;
  const x = from.x + side * (node.width / 2);
  const out = x + side * bulge * steps * 0.75;
  return `M${x},${from.y + down * apart} C${out},${from.y + down * 20} ${
    out
  },${to.y - down * 20} ${x + side * 2},${to.y - down * apart}`;
}

const edgeName = (from, to) => `${from}>${to}`;

function arrowHead(id) {
  return svg(
    'marker',
    {
      id,
      viewBox: '0 0 8 8',
      refX: '7',
      refY: '4',
      markerUnits: 'userSpaceOnUse',
      markerWidth: '9',
      markerHeight: '9',
      orient: 'auto',
    },
    svg('path', { d: 'M0,0.5 L7.5,4 L0,7.5z' }),
  );
}

// What is drawn later lies above.
const strength = ['faint', 'next', 'came', 'last'];

function drawEdges(places, state, entries) {
  const way = new Map(entries.map((entry, index) => [edgeName(entry.from, entry.to), index]));
  return lifecycle()
    .flatMap((row) =>
      row.to.map((to) => {
        const rank = way.get(edgeName(row.state, to));
        const kind =
          rank === entries.length - 1
            ? 'last'
            : rank !== undefined
              ? 'came'
              : row.state === state
                ? 'next'
                : 'faint';
        return svg(`path.edge.${kind}`, {
          d: between(places.get(row.state), places.get(to)),
          'marker-end': `url(#head-${kind})`,
          'data-edge': edgeName(row.state, to),
          'data-kind': kind,
        });
      }),
    )
    .sort(
      (one, other) => strength.indexOf(one.dataset.kind) - strength.indexOf(other.dataset.kind),
    );
}

function drawNodes(places, state, entries) {
  const visited = new Set(entries.flatMap((entry) => [entry.from, entry.to]));
  return [...places].map(([name, at]) => {
    const kind = name === state ? '.now' : visited.has(name) ? '.seen' : '';
    return svg(
      `g.node${kind}`,
      {
        'data-state': name,
        'data-tone': toneOf(name),
        transform: `translate(${at.x - node.width / 2},${at.y - node.height / 2})`,
      },
      svg('rect', { width: node.width, height: node.height, rx: node.height / 2 }),
      svg('text', { x: node.width / 2, y: node.height / 2 + 4 }, name),
    );
  });
}

// entries: the history, oldest first. Lights the state, and the ways by which it was come to: the
// last one most.
export function drawDiagram(state, entries) {
  const { places, width, height } = place();
  return svg(
    'svg.diagram',
    {
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-label': `The states of a connection; it is ${state}.`,
    },
    svg(
      'defs',
      {},
      strength.map((kind) => arrowHead(`head-${kind}`)),
    ),
    drawEdges(places, state, entries),
    drawNodes(places, state, entries),
  );
}
