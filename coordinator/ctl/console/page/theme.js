// Dark or light: as the system has it, until the operator says otherwise.
import { h, replace } from './dom.js';

const storageName = 'interlock.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const repaints = new Set();

// Charts are painted, so they are told when colours change. Returns how to stop it.
export function onTheme(repaint) {
  repaints.add(repaint);
  return () => repaints.delete(repaint);
}

function apply(button) {
  const chosen = localStorage.getItem(storageName);
  const theme = chosen ?? (dark.matches ? 'dark' : 'light');
  const other = theme === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
  replace(button, h('span', { 'aria-hidden': 'true' }, theme === 'dark' ? '☾' : '☀'));
  button.setAttribute('aria-label', `Switch to ${other} colours`);
  button.title = `Switch to ${other} colours`;
  button.onclick = () => {
    localStorage.setItem(storageName, other);
    apply(button);
  };
  for (const repaint of repaints) repaint();
}

export function beginTheme(button) {
  dark.addEventListener('change', () => apply(button));
  apply(button);
}
