// A browser's end of a connection.
//
// InterlockClient keeps the protocol's rules (newest socket only, each event once and in order,
// resume after a loss) and says what happens as DOM events.

const SUBPROTOCOL = 'interlock.v1';
const ACK_DELAY_MS = 50;        // acknowledgements are cumulative: one for a burst is enough
const BACKOFF_FIRST_MS = 200;
const BACKOFF_LAST_MS = 15_000;
const RESENDS_MAX = 6;          // of a message that the backend could not take yet
const UNSENT_MAX = 100;

/**
 * Where a client stands: generation of the last hello (or of a 4007), tries since then; the last
 * event seen, and the generation of the hello under which it was counted.
 */
const START = Object.freeze({ gen: 0, tries: 0, last: null, seqGen: 0 });

/** The close code of a socket that the page cuts on purpose: a lost socket, for the gateway. */
const CUT = 3001;

/** 128 random bits as text; crypto.randomUUID is missing on pages that came over plain HTTP. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What a close code asks of the client, by its band. */
function band(code) {
  if (code === 1000) return 'done';
  if (code === 1009 || (code >= 4500 && code <= 4999)) return 'stop';
  if (code >= 4200 && code <= 4499) return 'fresh token';
  return 'reconnect';           // 4000-4199, and every lost socket
}

/** `not_now; after_ms=200; generation=7` as {name, after_ms, generation}. */
function parseReason(text) {
  const [name, ...fields] = text.split(';').map((part) => part.trim());
  const pairs = fields.map((field) => field.split('=')).map(([key, value]) => [key, Number(value)]);
  return { name, ...Object.fromEntries(pairs.filter(([, value]) => Number.isFinite(value))) };
}

/**
 * One logical connection over as many sockets as it takes.
 *
 * Events (`detail` is the frame unless said otherwise):
 *   status       {status, code, reason, afterMs}: 'connecting', 'open', 'waiting', 'closed'
 *   hello, event, transient, expired, ready, lost, ack, error, reconnect, state
 *   frame        {direction: 'in' | 'out' | 'note', text}: everything, for a log
 */
export class InterlockClient extends EventTarget {
  #socket = null;               // the newest; older ones are not listened to
  #backoffMs = BACKOFF_FIRST_MS;
  #timers = new Map();
  #unsent = new Map();          // messages that were not acknowledged, by id: {text, resends}
  #live = false;                // behind the barrier of the present socket
  #ackedSeq = 0;
  #heard = 0;                   // when something arrived last
  #pinged = 0;                  // when a ping was sent last
  #attempt = 0;                 // the last call of #open
  #leaving = false;             // 1000 was said

  /**
   * `gateway` is host:port. `token` is a function (async or not) that gives a bearer token, asked
   * for every socket. `storage` remembers the place in the sequence across a reload. `states`
   * asks the gateway to report each state.
   */
  constructor({ gateway, session, token = null, storage = null, states = false, secure = false }) {
    super();
    Object.assign(this, { gateway, session, token, storage, states, secure });
    this.status = 'closed';
    this.position = { ...START, ...this.#restore() };
  }

  connect() {
    this.#leaving = false;
    this.#cancel('reconnect');
    this.#unlisten(CUT);
    this.#say('status', { status: 'connecting' });
    this.#open();
  }

  /** Done for good: the connection's machine ends. */
  close() {
    this.#leaving = true;
    this.#cancel('reconnect');
    this.#cancel('ping');
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.close(1000);
    } else {
      this.#ended(1000, 'done');
    }
  }

  /** Drops the socket as if the network had gone away, and comes back. */
  cut(afterMs = 0) {
    this.#lose('cut on purpose', afterMs);
  }

  /** Sends any JSON value; answered by `ack` or `error` with the returned id. */
  send(data) {
    if (this.#unsent.size >= UNSENT_MAX) throw new Error('too many messages wait for an answer');
    const id = randomId();
    const text = JSON.stringify({ type: 'message', id, data });
    this.#unsent.set(id, { text, resends: 0 });
    if (this.#live) this.#write(text);
    return id;
  }

  // ---- sockets ----

  async #open() {
    const attempt = ++this.#attempt;
    const protocols = [SUBPROTOCOL];
    if (this.token) protocols.push(`bearer.${await this.token()}`);
    if (attempt !== this.#attempt || this.#leaving) return;
    this.position.tries += 1;
    this.#persist();
    const url = this.#url();
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    this.#note(`connecting to ${url}`);
    const listen = (name, handle) => socket.addEventListener(name, (event) => {
      if (socket === this.#socket) handle(event);
    });
    listen('message', (event) => this.#received(event.data));
    listen('close', (event) => this.#closed(event.code, event.reason));
  }

  #url() {
    const { gen, tries, last, seqGen } = this.position;
    const query = new URLSearchParams({ session: this.session, gen, try: tries });
    if (last !== null) {
      query.set('last_seq', last);
      query.set('seq_gen', seqGen);
    }
    if (this.states) query.set('states', 1);
    return `${this.secure ? 'wss' : 'ws'}://${this.gateway}/ws?${query}`;
  }

  /** Whatever the present socket still says is not heard any more. */
  #unlisten(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#live = false;
    this.#cancel('ping');
    this.#cancel('ack');
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(code);
  }

  #lose(why, afterMs) {
    this.#note(`socket dropped: ${why}`);
    this.#unlisten(CUT);
    this.#wait(CUT, why, afterMs);
  }

  #closed(code, text) {
    const reason = parseReason(text);
    this.#note(`closed with ${code}${text ? `: ${text}` : ''}`);
    this.#unlisten(code);
    if (code === 4007 && reason.generation) {
      this.position.gen = reason.generation;
      this.position.tries = 0;
      this.#persist();
    }
    const todo = this.#leaving ? 'done' : band(code);
    if (todo === 'done' || todo === 'stop' || (todo === 'fresh token' && !this.token)) {
      this.#ended(this.#leaving ? 1000 : code, reason.name);
    } else {
      this.#wait(code, reason.name, reason.after_ms ?? 0);
    }
  }

  #ended(code, reason) {
    this.#unlisten(code);
    if (code === 1000) {
      this.position = { ...START };   // the sequence has ended
      this.#unsent.clear();
    }
    this.#persist();
    this.#say('status', { status: 'closed', code, reason });
  }

  /** Exponential backoff with full jitter, behind what the gateway asked for. */
  #wait(code, reason, afterMs) {
    const waitMs = Math.round(afterMs + Math.random() * this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_LAST_MS);
    this.#say('status', { status: 'waiting', code, reason, afterMs: waitMs });
    this.#later('reconnect', waitMs, () => this.connect());
  }

  // ---- frames ----

  #received(text) {
    this.#heard = Date.now();
    this.#say('frame', { direction: 'in', text });
    const frame = JSON.parse(text);
    switch (frame.type) {
      case 'hello': return this.#greeted(frame);
      case 'event': return this.#delivered(frame);
      case 'expired': return this.#numbered(frame);
      case 'ready': return this.#ready(frame);
      case 'lost': return this.#lost(frame);
      case 'ack': return this.#taken(frame);
      case 'error': return this.#refused(frame);
      case 'reconnect': return this.#asked(frame);
      case 'state': return this.#say('state', frame);
      default: return undefined;                  // pong, and what later versions say
    }
  }

  #greeted(frame) {
    if (!frame.resumed) this.position.last = null;
    this.position.gen = this.position.seqGen = frame.generation;
    this.position.tries = 0;
    this.#ackedSeq = frame.next_seq - 1;
    this.#persist();
    this.#pinged = 0;
    this.#keepAlive(frame.heartbeat_ms);
    this.#say('status', { status: 'open' });
    this.#say('hello', frame);
  }

  #delivered(frame) {
    if (frame.seq === undefined) {
      this.#say('transient', frame);
    } else {
      this.#numbered(frame);
    }
  }

  /** Events and what expired of them: each number once. */
  #numbered(frame) {
    if (frame.seq <= (this.position.last ?? 0)) return;
    this.position.last = frame.seq;
    this.#persist();
    this.#say(frame.type, frame);
    if (!this.#timers.has('ack')) this.#later('ack', ACK_DELAY_MS, () => this.#acknowledge());
  }

  #acknowledge() {
    if (this.position.last <= this.#ackedSeq) return;
    this.#ackedSeq = this.position.last;
    this.#write(JSON.stringify({ type: 'ack', seq: this.#ackedSeq }));
  }

  #ready(frame) {
    this.#backoffMs = BACKOFF_FIRST_MS;
    this.#live = true;
    this.#say('ready', frame);
    // The backend knows a message by its id: sending it again starts nothing twice.
    for (const { text } of this.#unsent.values()) this.#write(text);
  }

  #lost(frame) {
    this.position.last = frame.next_seq - 1;
    this.#persist();
    this.#say('lost', frame);
  }

  #taken(frame) {
    this.#unsent.delete(frame.id);
    this.#say('ack', frame);
  }

  #refused(frame) {
    const message = this.#unsent.get(frame.id);
    if (message && frame.retryable && message.resends < RESENDS_MAX) {
      message.resends += 1;
      const ceilingMs = BACKOFF_FIRST_MS * 2 ** message.resends;
      this.#later(`resend ${frame.id}`, Math.random() * ceilingMs, () => {
        if (this.#live && this.#unsent.has(frame.id)) this.#write(message.text);
      });
      return;
    }
    this.#unsent.delete(frame.id);
    this.#say('error', frame);
  }

  #asked(frame) {
    this.#say('reconnect', frame);
    this.#later('reconnect', frame.after_ms, () => this.connect());
  }

  /** Browsers do not show WebSocket pings, so silence is judged by the protocol's own. */
  #keepAlive(heartbeatMs) {
    this.#later('ping', heartbeatMs, () => {
      if (this.#heard < this.#pinged) {
        this.#lose('no answer to a ping', 0);
        return;
      }
      this.#pinged = Date.now();
      this.#write(JSON.stringify({ type: 'ping' }));
      this.#keepAlive(heartbeatMs);
    });
  }

  #write(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(text);
    this.#say('frame', { direction: 'out', text });
  }

  // ---- the rest ----

  #say(type, detail) {
    if (type === 'status') this.status = detail.status;
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #note(text) {
    this.#say('frame', { direction: 'note', text });
  }

  #later(name, ms, act) {
    this.#cancel(name);
    this.#timers.set(name, setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, ms));
  }

  #cancel(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  get #place() {
    return `interlock:${this.session}`;
  }

  #restore() {
    try {
      return JSON.parse(this.storage?.getItem(this.#place) ?? '{}');
    } catch {
      return {};
    }
  }

  #persist() {
    try {
      this.storage?.setItem(this.#place, JSON.stringify(this.position));
    } catch {
      // A full or forbidden storage costs a replay after a reload, nothing else.
    }
  }
}
