/**
 * What a setting may hold: the kinds of its value, each with what that kind needs to know.
 */
import type { DurationUnit, SizeUnit } from "../core/units.ts";

export type Section = "server" | "channel" | "limits" | "admin" | "record" | "hooks" | "cluster";

/** What a setting holds, with what its kind needs to know. */
type Kind =
  | { readonly kind: "addresses" }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  | { readonly kind: "count"; readonly min: number; readonly max: number }
  /** A number from 1 on, or `auto`, which is 0. */
  | { readonly kind: "threads"; readonly max: number }
  /** Addresses and networks; the empty text is none. */
  | { readonly kind: "networks" }
  | {
      readonly kind: "duration";
      readonly bare: DurationUnit;
      readonly min: string;
      readonly max: string;
    }
  /** A path whose default is empty may be empty: that is none. */
  | { readonly kind: "path" }
  | { readonly kind: "port" }
  /** Any text without control characters; the empty text is none. */
  | { readonly kind: "text" }
  | { readonly kind: "size"; readonly bare: SizeUnit; readonly min: string; readonly max: string };

/**
 * One setting. The bounds, the choices and the unit of a bare number are added to `help` where it
 * is shown.
 */
export type Row = Kind & {
  readonly section: Section;
  readonly default: string;
  readonly help: string;
  /** Whether a change in the file takes effect at SIGHUP; that of any other at the next start. */
  readonly live?: true;
};
