// Quantiles of histograms as the gateways send them: buckets that are not cumulative.
import { loads } from './world.js';

// {bounds, buckets}: all gateways' handshakes added up; null when nobody has said anything.
export function handshakes(sample) {
  let sum = null;
  for (const { handshake } of loads(sample)) {
    if (!handshake?.bounds_seconds?.length) continue;
    const bounds = handshake.bounds_seconds.map(Number);
    sum ??= { bounds, buckets: new Array(bounds.length + 1).fill(0) };
    if (sum.bounds.length !== bounds.length) continue;
    handshake.buckets.forEach((count, index) => {
      sum.buckets[index] += Number(count);
    });
  }
  return sum;
}

// What has come since then; everything when somebody has started anew meanwhile.
export function difference(now, then) {
  if (!now || !then || now.bounds.length !== then.bounds.length) return now;
  const buckets = now.buckets.map((count, index) => count - then.buckets[index]);
  return buckets.some((count) => count < 0) ? now : { bounds: now.bounds, buckets };
}

export const countOf = (histogram) =>
  histogram ? histogram.buckets.reduce((sum, count) => sum + count, 0) : 0;

// In seconds, between the bounds of its bucket as if spread evenly; Infinity above the last bound;
// null of nothing.
export function quantile(histogram, share) {
  const count = countOf(histogram);
  if (count === 0) return null;
  let rank = share * count;
  for (let index = 0; index < histogram.bounds.length; ++index) {
    const inside = histogram.buckets[index];
    if (rank <= inside && inside > 0) {
      const lower = index === 0 ? 0 : histogram.bounds[index - 1];
      return lower + (histogram.bounds[index] - lower) * (rank / inside);
    }
    rank -= inside;
  }
  return Infinity;
}
