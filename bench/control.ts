/**
 * The control: the smallest fan-out that Bun can be made to do. It tells a broadcaster from a watcher
 * by the request's first letter and channels by the request's end, and sends what comes from the one
 * to all of the others. There is no ring, no backlog, and no mercy for those who lag. What the relay
 * costs beyond this is the price of what it does.
 */
import type { Socket } from "bun";

interface Peer {
  channel: Set<Socket<Peer>> | undefined;
}

const REQUEST_HEAD = 5;
const channels = new Map<string, Set<Socket<Peer>>>();

const listener = Bun.listen<Peer>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { channel: undefined };
    },
    data(socket, chunk) {
      const from = socket.data.channel === undefined ? greet(socket, chunk) : 0;
      const length = chunk.length - from;
      for (const watcher of length > 0 ? (socket.data.channel ?? []) : []) {
        if (watcher.write(chunk, from, length) < length) {
          watcher.terminate();
        }
      }
    },
    close(socket) {
      socket.data.channel?.delete(socket);
    },
  },
});
process.stderr.write(`listening on 127.0.0.1:${listener.port}\n`);

/** Reads the request, and returns where the stream begins. */
function greet(socket: Socket<Peer>, chunk: Buffer): number {
  const end = REQUEST_HEAD + chunk.readUInt32BE(0);
  const text = chunk.toString("utf8", REQUEST_HEAD, end);
  const name = text.slice(text.indexOf("channel="));
  const channel = channels.get(name) ?? new Set();
  channels.set(name, channel);
  if (text.startsWith("watch")) {
    channel.add(socket);
  }
  socket.data.channel = channel;
  return end;
}
