// One of several Socket.IO servers behind which any client may be, over one Redis.
//
//   node server.js PORT REDIS_PORT
//
// What a client says goes to the backend through Redis; what the backend says comes through the
// adapter, whichever server its client is at.
"use strict";

const http = require("node:http");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const { Server } = require("socket.io");

const [port, redisPort] = process.argv.slice(2).map(Number);

async function main() {
  const publisher = createClient({ url: `redis://127.0.0.1:${redisPort}` });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const server = http.createServer();
  const io = new Server(server, {
    transports: ["websocket"],
    serveClient: false,
    adapter: createAdapter(publisher, subscriber),
  });
  io.on("connection", (socket) => {
    socket.on("message", (data) => {
      publisher.publish("messages", JSON.stringify({ room: socket.id, data }));
    });
  });
  server.listen(port, "127.0.0.1", () => console.log('{"listening":true}'));
}

main();
