// A table of any length of which only the rows in sight exist. @tanstack/virtual-core says which
// those are; the rows are made once and filled again.
import './vendor_environment.js';
import {
  Virtualizer,
  elementScroll,
  observeElementOffset,
  observeElementRect,
} from './vendor/virtual/index.js';
import { h, perFrame, text } from './dom.js';

const headPx = 34;
const rowPx = 34;
const narrowRowPx = 54; // two lines
const overscan = 6;
const narrow = matchMedia('(max-width: 560px)');
const heightOfRow = () => (narrow.matches ? narrowRowPx : rowPx);

// columns: [{name, label, sort: bool, cell: () => element, fill(element, item), narrow: bool}]
// `open(item)`: Enter, or a click. `sorted(name)`: a heading was chosen.
export class Grid {
  constructor(label, columns, { open, sorted }) {
    this.columns = columns;
    this.open = open;
    this.items = [];
    this.current = -1;
    this.rows = [];
    this.body = h('div.rows', { role: 'rowgroup' });
    this.headings = columns.map((column) => this.heading(column, sorted));
    this.scroller = h(
      'div.scroller',
      {
        role: 'grid',
        tabindex: '0',
        'aria-label': label,
        onkeydown: (event) => this.key(event),
        onclick: (event) => this.click(event),
      },
      h(
        'div.head',
        { role: 'rowgroup' },
        h('div.row', { role: 'row', 'aria-rowindex': '1' }, this.headings),
      ),
      this.body,
    );
    this.root = h('div.grid', {}, this.scroller);
    this.draw = perFrame(() => this.drawNow());
    this.virtual = new Virtualizer(this.options());
    this.resized = () => {
      this.virtual.measure();
      this.draw();
    };
    narrow.addEventListener('change', this.resized);
  }

  options() {
    return {
      count: this.items.length,
      getScrollElement: () => this.scroller,
      estimateSize: heightOfRow,
      overscan,
      paddingStart: headPx,
      scrollPaddingStart: headPx,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.draw(),
    };
  }

  mount() {
    this.unmount = this.virtual._didMount();
    this.virtual._willUpdate();
    this.draw();
  }

  end() {
    narrow.removeEventListener('change', this.resized);
    this.draw.cancel();
    this.unmount?.();
  }

  heading(column, sorted) {
    const inside = column.sort
      ? h('button', { type: 'button', onclick: () => sorted(column.name) }, column.label)
      : column.label;
    return h(`div.cell.${column.name}`, { role: 'columnheader' }, inside);
  }

  showOrder(name, descending) {
    this.columns.forEach((column, index) => {
      const here = column.name === name;
      this.headings[index].setAttribute(
        'aria-sort',
        here ? (descending ? 'descending' : 'ascending') : 'none',
      );
    });
  }

  toTop() {
    this.scroller.scrollTop = 0;
    this.current = -1;
  }

  show(items) {
    const kept = this.items[this.current]?.key;
    this.items = items;
    if (kept !== undefined && items[this.current]?.key !== kept) {
      this.current = items.findIndex((item) => item.key === kept);
    }
    this.draw();
  }

  drawNow() {
    this.virtual.setOptions(this.options());
    this.virtual._willUpdate();
    const inSight = this.virtual.getVirtualItems();
    this.body.style.height = `${this.items.length * heightOfRow()}px`;
    this.scroller.setAttribute('aria-rowcount', this.items.length + 1);
    while (this.rows.length < inSight.length) this.rows.push(this.makeRow());
    this.rows.forEach((row, slot) => this.fill(row, inSight[slot]));
    const active = this.rows.find((row) => row.index === this.current && !row.element.hidden);
    if (active) this.scroller.setAttribute('aria-activedescendant', active.element.id);
    else this.scroller.removeAttribute('aria-activedescendant');
  }

  makeRow() {
    const cells = this.columns.map((column) => column.cell?.() ?? h('span'));
    const element = h(
      'div.row',
      { role: 'row', id: `row-${this.rows.length}` },
      this.columns.map((column, index) =>
        h(`div.cell.${column.name}`, { role: 'gridcell' }, cells[index]),
      ),
    );
    this.body.append(element);
    return { element, cells, index: -1 };
  }

  fill(row, place) {
    row.element.hidden = !place;
    row.index = place ? place.index : -1;
    if (!place) return;
    const item = this.items[place.index];
    row.element.style.transform = `translateY(${place.start - headPx}px)`;
    row.element.setAttribute('aria-rowindex', place.index + 2);
    row.element.classList.toggle('current', place.index === this.current);
    this.columns.forEach((column, index) => {
      if (column.fill) column.fill(row.cells[index], item);
      else text(row.cells[index], item[column.name] ?? '');
    });
  }

  click(event) {
    const row = this.rows.find((one) => one.element.contains(event.target));
    if (!row || row.index < 0) return;
    this.current = row.index;
    this.open(this.items[row.index]);
  }

  key(event) {
    if (event.target !== this.scroller) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / heightOfRow()) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const last = this.items.length - 1;
    let next = this.current;
    if (event.key in steps) next = Math.min(last, Math.max(0, this.current + steps[event.key]));
    else if (event.key === 'Home') next = 0;
    else if (event.key === 'End') next = last;
    else if (event.key === 'Enter' && this.items[this.current]) this.open(this.items[this.current]);
    else return;
    event.preventDefault();
    this.current = next;
    if (next >= 0) this.virtual.scrollToIndex(next);
    this.draw();
  }
}
