// Charts over time, drawn by uPlot, with a legend of our own that is text.
import uPlot from './vendor/uplot.js';
import { h, replace } from './dom.js';

const height = 190;
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800]; // seconds between two marks

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(side, format) {
  return {
    scale: side === 2 ? 'x' : 'y',
    side,
    stroke: () => colour('--soft-ink'),
    grid: { stroke: () => colour('--edge-faint'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
    size: side === 2 ? 26 : 54,
    gap: 6,
    space: side === 2 ? 76 : 34,
    values: (_, values) => values.map((value) => (value === null ? '' : format(value))),
  };
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString('en-GB');

// series: [{label, colour (a function), fill}]; `stacked`: each stands on the one before.
// draw(times in seconds, one array of values for each series).
export function chart(label, series, { stacked = false, format = String } = {}) {
  const legend = h('ul.legend');
  const plot = h('div.plot', { role: 'img', 'aria-label': label });
  const root = h('figure.chart', {}, plot, legend);
  const shown = series.map((one, index) => ({
    label: one.label,
    stroke: () => one.colour(),
    fill: stacked || one.fill ? () => one.colour() + (stacked ? '' : '22') : undefined,
    width: stacked ? 1 : 1.75,
    points: { show: false },
    spanGaps: false,
    scale: 'y',
    value: () => '',
    index,
  }));
  // What is drawn first lies below, so of a stack the highest sum comes first.
  const order = stacked ? shown.toReversed() : shown;
  const options = {
    width: 300,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    scales: {
      x: { time: true },
      y: { range: (_, low, high) => [0, Math.max(high || 0, 1e-9) * 1.08] },
    },
    axes: [{ ...axis(2, clock), incrs: timeSteps }, axis(3, format)],
    series: [{}, ...order],
  };
  let values = series.map(() => []);
  const drawn = new uPlot(options, [[], ...order.map(() => [])], plot);
  const sized = new ResizeObserver(() => {
    if (plot.clientWidth > 0) drawn.setSize({ width: plot.clientWidth, height });
  });
  sized.observe(plot);

  function tell(index) {
    replace(
      legend,
      series.map((one, number) => {
        const value = values[number][index ?? values[number].length - 1];
        const swatch = h('i');
        swatch.style.background = one.colour();
        return h(
          'li',
          {},
          swatch,
          one.label,
          ' ',
          h('b', {}, value === null || value === undefined ? '–' : format(value)),
        );
      }),
    );
  }
  drawn.over.addEventListener('mousemove', () => tell(drawn.cursor.idx));
  drawn.over.addEventListener('mouseleave', () => tell());

  return {
    root,
    draw(times, columns) {
      values = columns;
      const heights = stacked ? stack(columns) : columns;
      drawn.setData([times, ...(stacked ? heights.toReversed() : heights)]);
      tell();
    },
    repaint() {
      drawn.redraw(false);
      tell();
    },
    end() {
      sized.disconnect();
      drawn.destroy();
    },
  };
}

function stack(columns) {
  let below = null;
  return columns.map((column) => {
    const sums = column.map((value, index) => (below ? below[index] : 0) + (value ?? 0));
    below = sums;
    return sums;
  });
}
