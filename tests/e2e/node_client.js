// A client with Debian's node-ws: node_client.js URL OTHER_URL
//
// Five events of a run; of a second run two, then it is cut off, and resumes at the other gateway.
// Prints every numbered event as a line of JSON, and fails when the protocol was not kept.
'use strict';
const assert = require('assert');
const { WebSocket } = require('ws');

const [url, otherUrl] = process.argv.slice(2);
const PATIENCE_MS = 30_000;
const seen = [];

function connect(query) {
  const socket = new WebSocket(query, 'interlock.v1');
  const frames = [];
  let look = () => {};
  socket.on('message', (text) => {
    const frame = JSON.parse(text);
    frames.push(frame);
    if (frame.seq > (seen.length ? seen[seen.length - 1].seq : 0)) seen.push(frame);
    look();
  });
  socket.on('error', (error) => { throw error; });
  /** Until `condition` gives something. */
  const until = (condition) => new Promise((resolve) => {
    look = () => { const found = condition(); if (found) resolve(found); };
    look();
  });
  const of = (type) => frames.find((frame) => frame.type === type);
  const say = (frame) => socket.send(JSON.stringify(frame));
  return { socket, frames, until, of, say };
}

async function main() {
  const first = connect(url);
  await first.until(() => first.of('ready'));
  const hello = first.of('hello');
  assert.strictEqual(hello.resumed, false);
  first.say({ type: 'message', id: 'n1', data: { text: 'hi' } });
  await first.until(() => seen.length === 5 && first.of('ack'));
  first.say({ type: 'ack', seq: 5 });
  first.say({ type: 'message', id: 'n2', data: { text: 'and now' } });
  await first.until(() => seen.length >= 7);
  first.socket.terminate();                     // as a network does: no close frame
  assert.ok(seen.length < 10, 'the cut came after the run had ended');

  const last = seen[seen.length - 1].seq;
  const position = `&last_seq=${last}&seq_gen=${hello.generation}&gen=${hello.generation}&try=1`;
  const second = connect(otherUrl + position);
  await second.until(() => second.of('ready'));
  assert.strictEqual(second.of('hello').resumed, true);
  assert.strictEqual(second.of('hello').next_seq, last + 1);
  await second.until(() => seen.length === 10);
  second.say({ type: 'ack', seq: 10 });
  second.socket.on('close', (code) => {
    assert.strictEqual(code, 1000);
    for (const { seq, event } of seen) console.log(JSON.stringify({ seq, event }));
    process.exit(0);
  });
  second.socket.close(1000);
}

setTimeout(() => { throw new Error(`not in ${PATIENCE_MS} ms: ${JSON.stringify(seen)}`); },
  PATIENCE_MS);
main().catch((error) => { console.error(error); process.exit(1); });
