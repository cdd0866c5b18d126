/**
 * The script of a page in the browser. The page has all its content without it. script.ts embeds this file unchanged.
 *
 * - Choosers show one panel of each group (panels.ts), all over the page at once.
 * - Headers of tables marked `data-sortable` sort: ascending, descending, original order.
 * - Values of charts and heat maps show under the pointer; in a chart also by arrow keys.
 */

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
document.documentElement.classList.add('scripted');

// Choosers
const chosen = { setting: '0', attack: 'best', adversary: 'stronger', defense: '0' };
const selects = all('select[data-key]');
const showChosen = () => {
  chosen.observer = `${chosen.attack}/${chosen.adversary}`;
  for (const group of all('.panels')) {
    let found = false;
    for (const panel of group.children) {
      if (!panel.dataset.key) continue;
      panel.open = panel.dataset.values.split(' ').includes(chosen[panel.dataset.key]);
      panel.hidden = !panel.open;
      found ||= panel.open;
    }
    group.querySelector(':scope > .nothing').hidden = found;
  }
  for (const select of selects) select.value = chosen[select.dataset.key];
};
for (const choosers of all('.choosers')) choosers.hidden = false;
for (const select of selects) {
  select.addEventListener('change', () => {
    // Keeps the chooser in place when content above it changes its height.
    const before = select.getBoundingClientRect().top;
    chosen[select.dataset.key] = select.value;
    showChosen();
    window.scrollBy({ top: select.getBoundingClientRect().top - before, behavior: 'instant' });
  });
}
showChosen();

// Tables
const sortValue = (cell) => {
  const { sort } = cell.dataset;
  if (sort === undefined) return cell.textContent.trim();
  return sort === '' ? Number.NaN : Number(sort);
};
const compare = (a, b) => {
  if (typeof a === 'string' || typeof b === 'string') {
    return String(a).localeCompare(String(b), 'en', { numeric: true });
  }
  return a - b;
};
/** Compares rows; those without a value stay last. */
const isMissing = (value) => Number.isNaN(value) || value === '';
for (const table of all('table[data-sortable]')) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  for (const [column, head] of heads.entries()) {
    const button = make('button', { type: 'button' });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const next = { ascending: 'descending', descending: '' }[head.getAttribute('aria-sort')] ?? 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      if (next) head.setAttribute('aria-sort', next);
      const sign = next === 'descending' ? -1 : 1;
      const keyed = original.map((row) => ({ row, value: sortValue(row.cells[column]) }));
      if (next) {
        keyed.sort((a, b) => {
          const missing = Number(isMissing(a.value)) - Number(isMissing(b.value));
          return missing || sign * compare(a.value, b.value);
        });
      }
      body.append(...keyed.map(({ row }) => row));
    });
  }
}

// Values
const tip = make('div', { className: 'tip', hidden: true });
tip.setAttribute('role', 'status');
document.body.append(tip);
let marked = null;
const showTip = (mark, text) => {
  hideTip();
  marked = mark;
  mark.classList.add('marked');
  tip.textContent = text;
  tip.hidden = false;
  const { left, right, top, bottom } = mark.getBoundingClientRect();
  const { clientWidth } = document.documentElement;
  const centre = (left + right) / 2 - tip.offsetWidth / 2;
  tip.style.left = `${Math.max(4, Math.min(centre, clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${top > tip.offsetHeight + 12 ? top - tip.offsetHeight - 8 : bottom + 8}px`;
};
const hideTip = () => {
  marked?.classList.remove('marked');
  marked = null;
  tip.hidden = true;
};
/** The title of a mark, which is removed so that the browser does not show it too. */
const titleOf = (mark) => {
  const title = mark.querySelector('title');
  if (title) {
    mark.dataset.tip = title.textContent;
    title.remove();
  }
  return mark.dataset.tip;
};
const isMark = (element) => element?.dataset?.tip !== undefined || element?.firstElementChild?.tagName === 'title';
const describeCell = (cell) => {
  const column = cell.closest('table').tHead.rows[0].cells[cell.cellIndex];
  const row = cell.parentNode.cells[0];
  const share = cell.textContent.trim() || '0';
  return `${row.textContent.trim()}, ${column.textContent.trim()}: ${share === 'n/a' ? share : `${share} %`}`;
};
document.addEventListener('pointerover', ({ target }) => {
  if (isMark(target) && target.closest('svg')) showTip(target, titleOf(target));
  else if (target.matches?.('.heatmap td:not(.num)')) showTip(target, describeCell(target));
  else if (marked) hideTip();
});
for (const svg of all('.chart svg')) {
  const marks = all('title', svg).map((title) => title.parentNode);
  if (marks.length === 0) continue;
  let at = -1;
  svg.setAttribute('tabindex', '0');
  svg.setAttribute('aria-description', 'The arrow keys go from value to value.');
  svg.addEventListener('keydown', (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    at = (Math.max(at, step < 0 ? 0 : -1) + step + marks.length) % marks.length;
    showTip(marks[at], titleOf(marks[at]));
  });
  svg.addEventListener('blur', () => {
    at = -1;
    hideTip();
  });
}
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') hideTip();
});
document.addEventListener('scroll', hideTip, { passive: true, capture: true });
