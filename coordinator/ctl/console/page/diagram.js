// The table of states as a picture: laid out by dagre, from the table that the program serves.
import { Graph, layout } from './vendor/dagre.js';
import { isFinal, lifecycle, toneOf } from './states.js';
import { svg } from './dom.js';

const node = { width: 148, height: 34 };
const margin = 14;

// How hard dagre tries to keep an edge short and straight: most for a step to the next state of the
// table, so that a connection's usual way is a line, least for the many that end it.
const weight = { next: 12, other: 1, final: 0 };

let placed = null;

function weightOf(from, to) {
  const names = lifecycle().map((row) => row.state);
  if (isFinal(to)) return weight.final;
  return names.indexOf(to) === names.indexOf(from) + 1 ? weight.next : weight.other;
}

function place() {
  if (placed) return placed;
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 26, ranksep: 40, edgesep: 8,
    marginx: margin, marginy: margin });
  for (const { state } of lifecycle()) graph.setNode(state, { ...node });
  for (const { state, to } of lifecycle()) {
    for (const next of to) graph.setEdge(state, next, { weight: weightOf(state, next) });
  }
  layout(graph);
  placed = graph;
  return placed;
}

// Of nodes and edges: dagre tells the size that the nodes need.
function extent(graph) {
  const points = graph.edges().flatMap((edge) => graph.edge(edge).points);
  const { width, height } = graph.graph();
  const left = Math.min(0, ...points.map(({ x }) => x - margin));
  const right = Math.max(width, ...points.map(({ x }) => x + margin));
  return { left, width: right - left, height };
}

// A curve through the points, with rounded corners.
function path(points) {
  const [first, ...rest] = points;
  let drawn = `M${first.x},${first.y}`;
  for (let i = 0; i < rest.length - 1; ++i) {
    const middle = { x: (rest[i].x + rest[i + 1].x) / 2, y: (rest[i].y + rest[i + 1].y) / 2 };
    drawn += ` Q${rest[i].x},${rest[i].y} ${middle.x},${middle.y}`;
  }
  const last = rest.at(-1);
  return `${drawn} L${last.x},${last.y}`;
}

const edgeName = (from, to) => `${from}>${to}`;

function arrowHead(id) {
  return svg('marker', { id, viewBox: '0 0 8 8', refX: '7', refY: '4', markerWidth: '7',
    markerHeight: '7', orient: 'auto-start-reverse' }, svg('path', { d: 'M0,0.5 L7.5,4 L0,7.5z' }));
}

// entries: the history, oldest first. Lights the state, and the ways by which it was come to: the
// last one most.
export function drawDiagram(state, entries) {
  const graph = place();
  const { left, width, height } = extent(graph);
  const way = new Map();
  entries.forEach((entry, index) => way.set(edgeName(entry.from, entry.to), index));
  const visited = new Set(entries.flatMap((entry) => [entry.from, entry.to]));
  const edges = graph.edges().map(({ v, w }) => {
    const rank = way.get(edgeName(v, w));
    const kind = rank === undefined ? (v === state ? 'next' : 'faint')
      : rank === entries.length - 1 ? 'last' : 'came';
    return { kind, element: svg(`path.edge.${kind}`, {
      d: path(graph.edge(v, w).points), 'marker-end': `url(#head-${kind})`, 'data-edge': edgeName(v, w),
    }) };
  });
  const strength = ['faint', 'next', 'came', 'last'];
  edges.sort((one, other) => strength.indexOf(one.kind) - strength.indexOf(other.kind));
  const nodes = lifecycle().map(({ state: name }) => {
    const at = graph.node(name);
    const kind = name === state ? '.now' : visited.has(name) ? '.seen' : '';
    return svg(`g.node${kind}`, { 'data-state': name, 'data-tone': toneOf(name),
      transform: `translate(${at.x - node.width / 2},${at.y - node.height / 2})` },
    svg('rect', { width: node.width, height: node.height, rx: node.height / 2 }),
    svg('text', { x: node.width / 2, y: node.height / 2 + 4 }, name));
  });
  const told = `The states of a connection; it is ${state}.`;
  return svg('svg.diagram', { viewBox: `${left} 0 ${width} ${height}`, role: 'img', 'aria-label': told },
    svg('defs', {}, strength.map((kind) => arrowHead(`head-${kind}`))),
    edges.map((edge) => edge.element), nodes);
}
