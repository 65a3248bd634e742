// One WebSocket for all watches of the page. It comes back by itself, and each watch goes on at the
// revision where it was.
import { tokenProtocols } from './api.js';

const againMs = { first: 500, most: 5000 };

let socket = null;
let pause = againMs.first;
let lastId = 0;
const watches = new Map();

// {key, filter, from}: what, and behind which revision; from 1 shows everything as it stands first.
// handlers: response(WatchResponse), away(sentence), error(sentence). Returns how to stop it.
export function watch({ key = '', filter = '', from = '0' }, handlers) {
  const one = { id: ++lastId, key, filter, from: String(from), handlers };
  watches.set(one.id, one);
  if (socket?.readyState === WebSocket.OPEN) ask(one);
  else connect();
  return () => {
    if (!watches.delete(one.id)) return;
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ unwatch: one.id }));
  };
}

function ask(one) {
  socket.send(
    JSON.stringify({
      watch: one.id,
      key: one.key,
      filter: one.filter,
      from_revision: one.from,
    }),
  );
}

function connect() {
  if (socket) return;
  socket = new WebSocket(`ws://${location.host}/api/live`, tokenProtocols());
  socket.addEventListener('open', () => {
    pause = againMs.first;
    for (const one of watches.values()) ask(one);
  });
  socket.addEventListener('message', (event) => {
    for (const item of JSON.parse(event.data)) deliver(item);
  });
  socket.addEventListener('close', () => {
    socket = null;
    for (const one of watches.values()) {
      one.handlers.away?.('interlockctl console does not answer: is it still running?');
    }
    if (watches.size === 0) return;
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, againMs.most);
  });
}

function deliver(item) {
  const one = watches.get(item.watch);
  if (!one) return;
  if (item.error) {
    watches.delete(one.id);
    one.handlers.error?.(item.error);
  } else if (item.away) {
    one.handlers.away?.(item.away);
  } else {
    if (Number(item.response.revision) > Number(one.from)) one.from = item.response.revision;
    one.handlers.response(item.response);
  }
}
