/**
 * How a connection is closed by us, when what was sent before has to arrive.
 *
 *     plain:  end ──► closed; the kernel sends what it has taken, and nobody waits for that
 *     TLS:    shutdown ──► parting ──peer closes, or time is up──► closed
 *
 * Bun holds back records that the kernel did not take, so a TLS socket has to stay until they are
 * gone. Its own `end` does that too, but cannot be hurried: after it `terminate` does nothing.
 */
import type { Connection } from "./model.ts";

/** Closes the connection after all that was taken; over TLS that can take up to `ms`. */
export function leave(connection: Connection, ms: number): void {
  const { shared, socket } = connection;
  if (shared.transport.kind === "tls" && connection.secured) {
    part(connection, ms);
  } else {
    socket.end();
  }
}

/**
 * Ends our side alone. What the peer still sends until it closes its own is thrown away, for `ms` at
 * most.
 */
export function part(connection: Connection, ms: number): void {
  const { shared, socket } = connection;
  connection.state = "parting";
  connection.cancelTimer();
  connection.noise = 0;
  connection.early = null;
  socket.resume();
  socket.shutdown();
  connection.cancelTimer = shared.clock.after(ms, () => socket.terminate());
}
