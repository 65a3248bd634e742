// A backend that answers each message with an event to the client that sent it.
//
//   node backend.js REDIS_PORT
"use strict";

const { Emitter } = require("@socket.io/redis-emitter");
const { createClient } = require("redis");

const redisPort = Number(process.argv[2]);

async function main() {
  const publisher = createClient({ url: `redis://127.0.0.1:${redisPort}` });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const emitter = new Emitter(publisher);
  await subscriber.subscribe("messages", (text) => {
    const { room, data } = JSON.parse(text);
    emitter.to(room).emit("event", data);
  });
  console.log('{"listening":true}');
}

main();
