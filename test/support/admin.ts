/** The second port of a server in the test's own process. */
import { startAdmin, type Admin } from "../../src/admin/admin.ts";
import { systemClock } from "../../src/server/clock.ts";
import { newFaults } from "../../src/server/faults.ts";
import { newLog } from "../../src/server/log.ts";
import { settingsOf, type Flags, type Relay } from "./server.ts";

/** Opens it on a free port, unless `flags` name one. */
export function openAdmin({ server }: Pick<Relay, "server">, flags: Flags = {}): Admin {
  return startAdmin({
    settings: settingsOf({ "admin-port": "0", ...flags }),
    server,
    clock: systemClock,
    faults: newFaults(newLog(systemClock, "error", () => {})),
  });
}
