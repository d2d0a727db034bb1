/**
 * A load process: takes one order from its parent, carries it out, and reports.
 */
import { messageOf } from "../../src/cli/talk.ts";
import { castAll } from "./cast.ts";
import type { Order, Parent } from "./messages.ts";
import type { Window } from "../verify/tally.ts";
import { watchAll } from "./watch.ts";

const window = Promise.withResolvers<Window>();
const parent: Parent = {
  tell: (report) => process.send?.(report),
  window: window.promise,
};

process.on("message", (order: Order) => {
  if (order.kind === "window") {
    window.resolve(order.window);
  } else {
    const work = order.kind === "cast" ? castAll(order, parent) : watchAll(order, parent);
    work.catch((error: unknown) => {
      parent.tell({ kind: "trouble", message: messageOf(error) });
    });
  }
});
// A load without anyone to report to would go on for ever.
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches all processes of a terminal; the parent ends this one in order.
process.on("SIGINT", () => {});
