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
import type { Page, WatcherStatus } from "../protocol/status.ts";
import type { LogFields, LogLevel } from "../server/log.ts";
import type { Settings } from "../server/settings.ts";
import type { Figures } from "./figures.ts";

/** How a thread begins. */
export interface Start {
  readonly self: number;
  /** How many threads with this number there were before. */
  readonly begun: number;
  readonly threads: number;
  readonly settings: Settings;
  readonly mailboxes: readonly SharedArrayBuffer[];
  /** Where connections are counted. */
  readonly census: SharedArrayBuffer;
  readonly beside: boolean;
  /** Whether somebody is to be told what happens. */
  readonly hooks: boolean;
}

/** What a broadcaster may use that is let in. */
export interface Claim {
  /** Its channel's. */
  readonly key: string;
  readonly id: number;
}

/** Whether a connection is let in. */
export interface Answer {
  readonly connection: number;
  readonly refused: Refusal | null;
  readonly claim: Claim | null;
  /** What went wrong where it could not be found out. */
  readonly fault?: string | undefined;
}

/** A broadcast that has begun. */
export interface Live {
  readonly id: number;
  readonly request: Request;
  readonly stream: SharedStream;
}

/** What becomes of a broadcaster: it has gone, gives way to another one, or its broadcast has ended. */
export type Turn = "silence" | "gave-way" | "over";

export type ToWorker =
  | { readonly kind: "start"; readonly start: Start }
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "give-way"; readonly id: number }
  | { readonly kind: "mirror"; readonly live: Live; readonly owner: number }
  | { readonly kind: "news"; readonly id: number; readonly news: News }
  | { readonly kind: "turn"; readonly turn: Turn; readonly id: number }
  /** Ends what is live on a channel, wherever it is, and sends those away who wait. */
  | { readonly kind: "end"; readonly user: string; readonly channel: string; readonly why: Refusal }
  | { readonly kind: "settings"; readonly settings: Settings }
  /** Each of these is answered, with its number. */
  | { readonly kind: "question"; readonly number: number; readonly question: Question };

export type Question =
  | { readonly kind: "figures" | "certificates" | "shut" | "stop" }
  | {
      readonly kind: "watchers";
      readonly query: string;
      readonly offset: number;
      readonly limit: number;
    }
  | { readonly kind: "kick"; readonly connection: number; readonly why: Refusal };

export type ToMain =
  | { readonly kind: "listening"; readonly addresses: readonly Address[] }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "ask"; readonly asked: AuthRequest }
  /** A connection has ended that asked. */
  | { readonly kind: "gone"; readonly connection: number }
  | { readonly kind: "live"; readonly live: Live }
  | { readonly kind: "news"; readonly id: number; readonly news: News }
  | { readonly kind: "turn"; readonly turn: Turn; readonly id: number }
  | { readonly kind: "hook"; readonly event: HookEvent }
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly line: string;
      /** What kind of event it tells of. */
      readonly about: string;
      readonly fields: LogFields;
    }
  | { readonly kind: "reply"; readonly number: number; readonly reply: Reply };

/** What a thread tells that has begun. */
export type FromWorker = Exclude<ToMain, { readonly kind: "listening" | "failed" }>;

/** What a question is answered by. */
export type Reply =
  | { readonly kind: "figures"; readonly figures: Figures }
  | { readonly kind: "watchers"; readonly page: Page<WatcherStatus> }
  | { readonly kind: "done"; readonly done: boolean };
