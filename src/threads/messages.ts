/**
 * What threads say to one another by messages: all that is rare. Bytes and heads are in shared memory,
 * see hub/shared.ts.
 *
 *     main ──► worker   who may do what, whose broadcasts there are, orders
 *     worker ──► main   who wants what, what becomes of this thread's broadcasts, figures
 *
 * All that concerns one broadcast goes through the main thread, and so arrives everywhere in one order.
 */
import type { AuthRequest } from "../auth/authenticator.ts";
import type { Refusal } from "../core/errors.ts";
import type { HookEvent } from "../hooks/event.ts";
import type { News, SharedStream } from "../hub/shared.ts";
import type { Address } from "../protocol/address.ts";
import type { Request } from "../protocol/request.ts";
import type { Settings } from "../server/settings.ts";

/** How a thread begins. */
export interface Start {
  readonly kind: "start";
  readonly self: number;
  readonly threads: number;
  readonly settings: Settings;
  readonly mailboxes: readonly SharedArrayBuffer[];
  /** How many connections all threads have open. */
  readonly open: SharedArrayBuffer;
  readonly beside: boolean;
  /** Whether somebody is to be told what happens. */
  readonly hooks: boolean;
}

/** What a broadcaster may use where it is let in. */
export interface Claim {
  /** USER/CHANNEL. */
  readonly key: string;
  readonly id: number;
  readonly copyId: number;
}

export type ToWorker =
  | Start
  | {
      readonly kind: "answer";
      readonly connection: number;
      readonly refused: Refusal | null;
      readonly claim: Claim | null;
    }
  /** Another broadcaster takes over what this thread has. */
  | {
      readonly kind: "give-way";
      readonly id: number;
      readonly user: string;
      readonly channel: string;
    }
  /** Another thread has a broadcaster. */
  | { readonly kind: "mirror"; readonly live: Live; readonly owner: number }
  | { readonly kind: "news"; readonly id: number; readonly news: News }
  | { readonly kind: "silence" | "gave-way" | "over"; readonly id: number }
  /** Ends what is live on a channel, wherever it is, and sends those away who wait. */
  | { readonly kind: "end"; readonly user: string; readonly channel: string; readonly why: Refusal }
  | {
      readonly kind: "kick";
      readonly ask: number;
      readonly connection: number;
      readonly why: Refusal;
    }
  | { readonly kind: "figures"; readonly ask: number }
  | {
      readonly kind: "watchers";
      readonly ask: number;
      readonly query: string;
    }
  | { readonly kind: "settings"; readonly settings: Settings }
  | { readonly kind: "certificates" }
  | { readonly kind: "stop"; readonly ask: number };

/** A broadcast that has begun. */
export interface Live {
  readonly id: number;
  readonly request: Request;
  readonly stream: SharedStream;
}

export type ToMain =
  | { readonly kind: "listening"; readonly addresses: readonly Address[] }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "ask"; readonly asked: AuthRequest }
  /** A connection has ended that asked. */
  | { readonly kind: "gone"; readonly connection: number }
  | { readonly kind: "live"; readonly live: Live }
  | { readonly kind: "news"; readonly id: number; readonly news: News }
  | { readonly kind: "silence" | "gave-way" | "over"; readonly id: number }
  | { readonly kind: "answer"; readonly ask: number; readonly answer: unknown }
  | { readonly kind: "hook"; readonly event: HookEvent };
