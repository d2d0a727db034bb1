/**
 * Every bound that is not a setting, with its unit and its reason.
 */

/** Bytes of request text, as the protocol fixes it. */
export const REQUEST_MAX_BYTES = 4096;

/** Bytes before the text: a 32-bit length and a NUL. */
export const FRAME_HEAD_BYTES = 5;

/** Characters of a user's name. It becomes a file's name, and this is short enough for every file system. */
export const NAME_MAX_CHARS = 64;

/** Bytes of a channel's name. It stands in logs and tables, and a path segment holds no more than 255 of them. */
export const CHANNEL_MAX_BYTES = 255;

/** Bytes of a user file. The longest sensible one, a comment and a hash, is a hundredth of this. */
export const USER_FILE_MAX_BYTES: number = 64 * 1024;

/** User files held in memory. Beyond it the least recently used is read anew when it is next asked for. */
export const USER_CACHE_MAX = 10_000;

/** Password hashes computed at once. Each takes a core for tens of milliseconds and megabytes of memory. */
export const HASHES_AT_ONCE = 2;

/** Connections that may wait for a hash. At 50 ms a hash and two at once, the last of them waits some 6 s. */
export const HASHES_WAITING_MAX = 256;

/** Milliseconds that an authenticator may take before its silence counts as a refusal. */
export const AUTH_TIMEOUT_MS = 10_000;

/** Failed passwords from one address that are not slowed down: people mistype. */
export const AUTH_FREE_FAILURES = 3;

/** Milliseconds that the first slowed attempt waits. Each further failure doubles it. */
export const AUTH_SLOW_MS = 250;

/** Milliseconds that a slowed attempt waits at most. */
export const AUTH_SLOW_MAX_MS = 8_000;

/** Milliseconds after its last failure at which an address is forgiven. */
export const AUTH_FORGET_MS: number = 10 * 60_000;

/** Addresses whose failures are remembered. Beyond it the one that failed longest ago is forgotten. */
export const AUTH_ADDRESSES_MAX = 10_000;
