/**
 * The control: the smallest fan-out that Bun can be made to do. It reads past the request, tells a broadcaster from a watcher
 * by the request's first letter, and sends what comes from the one to all of the others; there is no ring, no backlog and
 * no mercy for those who lag. What the relay costs beyond this is the price of what it does.
 */
import type { Socket } from "bun";

const REQUEST_HEAD = 5;
const watchers = new Set<Socket<{ greeted: boolean }>>();

const listener = Bun.listen<{ greeted: boolean }>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { greeted: false };
    },
    data(socket, chunk) {
      let stream: Uint8Array = chunk;
      if (!socket.data.greeted) {
        socket.data.greeted = true;
        if (chunk[REQUEST_HEAD] === 0x77) {
          watchers.add(socket);
          return;
        }
        stream = chunk.subarray(REQUEST_HEAD + chunk.readUInt32BE(0));
      }
      for (const watcher of watchers) {
        if (watcher.write(stream, 0, stream.length) < stream.length) {
          watcher.terminate();
        }
      }
    },
    close(socket) {
      watchers.delete(socket);
    },
  },
});
process.stderr.write(`listening on 127.0.0.1:${listener.port}\n`);
