// How numbers, times and names are written for a person.

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const number = (value) => whole.format(Number(value ?? 0));
export const compact = (value) => {
  const count = Number(value ?? 0);
  return Math.abs(count) < 10000 ? whole.format(count) : short.format(count);
};

export function bytes(value) {
  let size = Number(value ?? 0);
  for (const unit of ['B', 'KiB', 'MiB']) {
    if (size < 1024)
      return `${unit === 'B' || size >= 100 ? Math.round(size) : size.toFixed(1)} ${unit}`;
    size /= 1024;
  }
  return `${size.toFixed(1)} GiB`;
}

// 0.4 s, 12 s, 3 min, 2 h 05, 4 d
export function duration(milliseconds) {
  const seconds = Math.max(0, Number(milliseconds)) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) {
    const minutes = Math.round(seconds / 60);
    return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`;
  }
  return `${Math.round(seconds / 86400)} d`;
}

export const since = (unixMs) => (Number(unixMs) ? duration(Date.now() - Number(unixMs)) : '–');

// Of a histogram, where milliseconds matter.
export function latency(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  if (!Number.isFinite(seconds)) return 'more';
  const milliseconds = seconds * 1000;
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}

export function time(unixMs) {
  const date = new Date(Number(unixMs));
  const two = (part) => String(part).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const today = new Date().toDateString() === date.toDateString();
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `;
  return `${today ? '' : day}${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

export const percent = (part, all) =>
  all > 0 ? `${(Math.floor((1000 * part) / all) / 10).toLocaleString('en')} %` : '–';

// SOCKET_LOST to `socket lost`
export const words = (name) =>
  String(name ?? '')
    .toLowerCase()
    .replaceAll('_', ' ');

// The first eight of a gateway's 32 digits tell gateways apart.
export const shortId = (id) => (id.length > 12 ? id.slice(0, 8) : id);

export const count = (value, one, many) => `${number(value)} ${Number(value) === 1 ? one : many}`;
