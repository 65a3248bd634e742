// The connections that match a filter, kept as they are by one watch: first all of them, then what
// changes. Nothing is asked for again and again.
import { watch } from './live.js';

export const recordsMax = 50000;
// How soon everything may be shown again after some changes were missed.
const resyncMs = 5000;

export class Records {
  // `changed()` after anything has happened.
  constructor(filter, changed) {
    this.filter = filter;
    this.changed = changed;
    this.byKey = new Map();
    this.caughtUp = false;
    this.away = ''; // a sentence while the coordinator is gone
    this.error = ''; // a sentence: the watch has ended
    this.tooMany = false;
    this.version = 0;
    this.resyncTimer = 0;
    this.begin();
  }

  begin() {
    this.seen = new Set();
    this.untouched = true;
    this.synced = false;
    this.stop?.();
    this.stop = watch(
      { filter: this.filter, from: 1 },
      {
        response: (response) => this.take(response),
        away: (sentence) => {
          this.away = sentence;
          this.changed();
        },
        error: (sentence) => {
          this.error = sentence;
          this.changed();
        },
      },
    );
  }

  end() {
    clearTimeout(this.resyncTimer);
    this.stop();
  }

  take(response) {
    this.away = '';
    if (response.changed) this.put(response.changed);
    else if (response.left) this.byKey.delete(response.left.key);
    else if (response.removed_key) this.byKey.delete(response.removed_key);
    else if (response.missed) this.missed();
    else if (response.caught_up) this.sweep();
    this.untouched = false;
    this.version += 1;
    this.changed();
  }

  put(connection) {
    if (this.byKey.size >= recordsMax && !this.byKey.has(connection.key)) {
      this.tooMany = true;
      return;
    }
    connection.received = performance.now();
    this.byKey.set(connection.key, connection);
    if (!this.synced) this.seen.add(connection.key);
  }

  // Everything that stands has been shown: what was not among it is gone.
  sweep() {
    if (this.synced) return;
    this.synced = true;
    this.caughtUp = true;
    for (const key of this.byKey.keys()) if (!this.seen.has(key)) this.byKey.delete(key);
    this.seen.clear();
  }

  // A watch from the beginning says so first, because it knows of no removals so far back.
  missed() {
    if (this.untouched || this.resyncTimer) return;
    this.resyncTimer = setTimeout(() => {
      this.resyncTimer = 0;
      this.begin();
    }, resyncMs);
  }
}
