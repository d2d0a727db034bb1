/**
 * Every bound that is not a setting, with its unit and its reason.
 */

/** Bytes of request text, as the protocol fixes it. */
export const REQUEST_MAX_BYTES = 4096;

/**
 * Bytes of an HTTP request's line and headers. Players send some hundred; a browser with cookies of
 * other programs on the same host, some thousand.
 */
export const HTTP_HEAD_MAX_BYTES = 8192;

/** Bytes before the text: a 32-bit length and a NUL. */
export const FRAME_HEAD_BYTES = 5;

/**
 * Characters of a user's name. It becomes a file's name, and this is short enough for every file
 * system.
 */
export const NAME_MAX_CHARS = 64;

/**
 * Bytes of a channel's name. It stands in logs and tables, and a path segment holds no more than
 * 255 of them.
 */
export const CHANNEL_MAX_BYTES = 255;

/** Bytes of a user file. The longest sensible one, a comment and a hash, is a hundredth of this. */
export const USER_FILE_MAX_BYTES: number = 64 * 1024;

/**
 * User files held in memory. Beyond it the least recently used is read anew when it is next asked
 * for.
 */
export const USER_CACHE_MAX = 10_000;

/**
 * User files open at once. They take of the descriptors that are kept from connections, and there
 * are fewer threads to read them.
 */
export const FILES_AT_ONCE = 32;

/**
 * Password hashes computed at once. Each takes a core for tens of milliseconds and megabytes of
 * memory.
 */
export const HASHES_AT_ONCE = 2;

/**
 * Connections that may wait for a hash. At 50 ms a hash and two at once, the last of them waits
 * some 6 s.
 */
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

/**
 * Addresses whose failures are remembered. Beyond it the one that failed longest ago is forgotten.
 */
export const AUTH_ADDRESSES_MAX = 10_000;

/**
 * Failed passwords from one address after which its attempts are refused without a look at them. It
 * takes half a minute of waiting to get there.
 */
export const AUTH_SHUT_OUT_FAILURES = 10;

/**
 * Milliseconds for which they are refused: a guesser gets through a thousand passwords a day, and
 * whoever has put a wrong one right waits no longer than it takes to make sure.
 */
export const AUTH_SHUT_OUT_MS = 60_000;

/**
 * Networks in one list. Each connection looks through it, which takes some tens of microseconds
 * at this length.
 */
export const NETWORKS_MAX = 4096;

/**
 * Connections whose requests are not complete yet, each with some kilobytes. A peer that knows what
 * it wants is among them for one round trip.
 */
export const HANDSHAKES_MAX = 10_000;

/**
 * The part of all connections that those may be: whoever says nothing must not take the places of
 * all others.
 */
export const HANDSHAKES_SHARE = 0.5;

/** Bytes of a PROXY header of version 1, as its specification bounds it. */
export const PROXY_LINE_MAX_BYTES = 107;

/**
 * Bytes behind the head of a PROXY header of version 2: addresses take up to 216 of them, and what
 * proxies add is a name, an identifier, or at the most a certificate.
 */
export const PROXY_BLOCK_MAX_BYTES = 4096;

/**
 * Milliseconds over which a broadcaster's bytes are averaged: twice the distance between keyframes
 * of the usual encoder, so that one of them, or a link that catches up, passes.
 */
export const BITRATE_WINDOW_MS = 10_000;

/** Bytes of a ring at first. Ten seconds of speech or a quarter of a second of good video. */
export const RING_MIN_BYTES: number = 256 * 1024;

/**
 * Bytes of what a decoder needs before a join point. Parameter sets take a hundred bytes and the
 * tables of a rich container some kilobytes; a cover picture in a header is what takes more.
 */
export const SETUP_MAX_BYTES: number = 256 * 1024;

/**
 * Frame starts that are kept of a broadcast, for watchers that must stop at one: in 16 KiB, one in
 * each thousandth of its ring.
 */
export const FRAMES_INDEXED = 1024;

/**
 * Milliseconds that a stream may take to show a join point after one of its channel was broken off,
 * before it counts as another one. Encoders set keyframes further apart, but not for watching.
 */
export const SEQUEL_MAX_MS = 30_000;

/**
 * Bytes of a stream after which its format counts as unknown. A cover picture in front of the sound
 * takes hundreds of KB; the parameter sets of video come with its first keyframe, within a second.
 */
export const PROBE_MAX_BYTES: number = 1024 * 1024;

/**
 * Milliseconds after which a stream's format counts as unknown, for streams that take longer for as
 * many bytes: two intervals between keyframes of the usual length.
 */
export const PROBE_MAX_MS = 5_000;

/**
 * Milliseconds of its stream that a ring holds at least, where the window allows. Once a turn the
 * ring's end cuts a chunk in two, which costs everyone a second write: at 30 frames a second this
 * keeps it below one in a hundred.
 */
export const RING_SPAN_MS = 4_000;

/**
 * Milliseconds for which a byte that a watcher lacks is not overwritten; a broadcaster that is
 * faster than that is not read meanwhile. With a window of 16 MiB it concerns streams of more than
 * 500 Mbit/s alone: a file that is pushed through as fast as it goes must not lose a watcher that
 * merely waits for its turn on a busy processor.
 */
export const GRACE_MS = 250;

/**
 * Milliseconds that a broadcast which is to end may take to come to the end of its frame. The rarest
 * pictures that count as video come once a second.
 */
export const LAST_FRAME_MS = 1_000;

/**
 * Milliseconds between two looks at who is stalled or silent: a sixtieth of the least sensible
 * stall time.
 */
export const HOUSEKEEPING_MS = 250;

/**
 * Characters of a message that an operator's own authenticator may send to a peer. A reply is a
 * line, not a page.
 */
export const AUTH_MESSAGE_MAX_CHARS = 200;

/**
 * Milliseconds after a change in which a file's times may not yet tell of another one: FAT counts
 * in two seconds.
 */
export const USER_FILE_COARSE_MS = 2_000;

/**
 * Milliseconds that a changed user file without a password must rest before it counts as complete.
 */
export const USER_FILE_REST_MS = 100;

/**
 * KiB of memory for a new password's hash. With two passes it takes some 25 ms, and 64 MiB would
 * take four times that.
 */
export const HASH_MEMORY_KIB = 19_456;

/**
 * Milliseconds for which a refused peer's bytes are read and thrown away, so that it can read why.
 */
export const PARTING_MS = 2_000;

/**
 * Milliseconds that a TLS watcher has, at its stream's end, to take what Bun and the kernel still
 * hold for it: as long as our client waits for its own goodbye.
 */
export const TLS_GOODBYE_MS = 30_000;

/**
 * Milliseconds between two looks at the certificate's files. A change counts at the second look
 * that finds it, so a pair that is replaced one file after the other is never read in between.
 */
export const CERTIFICATE_POLL_MS = 5_000;

/** Bytes of a certificate's or a key's file: a chain of four takes some ten thousand. */
export const CERTIFICATE_MAX_BYTES: number = 1024 * 1024;

/** Bytes that a refused peer may send meanwhile: two seconds of a gigabit link. */
export const PARTING_BYTES: number = 256 * 1024 * 1024;

/**
 * Bytes that a watcher may send after its request. It has nothing to say; a little noise is
 * forgiven.
 */
export const WATCHER_CHATTER_BYTES: number = 64 * 1024;

/**
 * Bytes not yet sent that the kernel may hold for a watcher. What waits in the ring instead can
 * still be skipped.
 */
export const KERNEL_BACKLOG_BYTES: number = 128 * 1024;

/**
 * Channels that have series of their own at /metrics; all others are summed. Each makes nine series,
 * and anybody with a user's name may go on air under any number of names.
 */
export const LABELLED_CHANNELS_MAX = 200;

/** Milliseconds of quiet after which the kernel asks a peer whether it is still there. */
export const KEEPALIVE_MS = 60_000;

/**
 * Descriptors that are kept from connections: for listeners, user files, logs, and a plug-in's own.
 */
export const DESCRIPTORS_RESERVED = 128;

/**
 * Connections where the descriptor limit cannot be read. The least that systems allow by default is
 * 1,024.
 */
export const CONNECTIONS_FALLBACK = 800;

/**
 * Lines a second that one kind of event may write to the log before its further ones are only
 * counted.
 */
export const LOG_BURST = 5;

/** Milliseconds that a client waits for a connection before it calls the server unreachable. */
export const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Milliseconds that a broadcaster waits, at its stream's end, for the server to have read it all
 * and close.
 */
export const GOODBYE_MS = 30_000;

/**
 * Milliseconds before the first reconnection. Each further one waits up to twice as long as the one
 * before.
 */
export const RETRY_FIRST_MS = 500;

/** Milliseconds between two reconnections at most. */
export const RETRY_MAX_MS = 15_000;

/**
 * Milliseconds of a connection that was good, after which reconnecting begins at the first wait
 * again.
 */
export const RETRY_FORGET_MS = 10_000;

/**
 * Milliseconds that a watcher which comes back after a broadcast's end waits for another one. It is
 * what a server keeps its watchers for by default when their broadcaster goes away.
 */
export const RETURN_MS = 10_000;

/**
 * Milliseconds within which a stream that goes on over another connection has to come to a place where
 * that one can begin: as long as a server waits for one.
 */
export const RESUME_MS: number = SEQUEL_MAX_MS;

/** Bytes of one frame that a broadcaster holds while it looks for such a place. */
export const RESUME_MAX_BYTES: number = 16 * 1024 * 1024;

/** Milliseconds between two drawings of the status line: as often as a person reads figures. */
export const STATUS_MS = 500;

/**
 * Milliseconds without a byte after which a watcher's status line says that the stream stands
 * still.
 */
export const STANDSTILL_MS = 2_000;

/**
 * Broadcasts of a process with several threads, copies included. Each has a number in the threads'
 * mailboxes, which hold this many; connections run out before.
 */
export const STREAMS_MAX = 65_536;

/** Milliseconds between two heartbeats of a node: four are missed before it counts as lost. */
export const BEAT_MS = 500;

/**
 * Milliseconds without a heartbeat after which a node is lost. A NATS server that dies costs its clients
 * a fraction of that to find another; a broadcaster whose node died is back at another one sooner.
 */
export const NODE_LOST_MS: number = 4 * BEAT_MS;

/**
 * Milliseconds after which a node that is lost is forgotten, and what it had: an operator has seen it by
 * then, and one that comes back is a new one.
 */
export const NODE_FORGOTTEN_MS: number = 10 * 60_000;

/** Nodes of a cluster. Each hears each, so heartbeats grow with the square of it. */
export const NODES_MAX = 256;

/** Characters of a node's name, and of a reason that another node gives. They stand in lines of a log. */
export const NODE_NAME_MAX_CHARS = 256;

/** Channels that one other node may have on air. Each costs a kilobyte here before anybody watches. */
export const NODE_STREAMS_MAX = 100_000;

/**
 * Bytes of a stream in one message between nodes. NATS servers refuse more than 1 MiB, and some less;
 * small messages do not hold up others, and beyond this larger ones gain nothing.
 */
export const MESSAGE_BYTES: number = 48 * 1024;

/** Bytes of a message around those of the stream: what a NATS server must allow besides. */
export const MESSAGE_HEAD_BYTES = 4096;

/** Frame starts that one message names; more wait for the next. */
export const MESSAGE_FRAMES = 256;

/**
 * Bytes of one channel on their way to one node, before that has confirmed any. It bounds what NATS holds
 * for a node that is slow, and carries 300 Mbit/s over a round trip of a tenth of a second.
 */
export const LINK_WINDOW_BYTES: number = 4 * 1024 * 1024;

/**
 * Milliseconds for which nothing of a new broadcast is overwritten, so that nodes where somebody has
 * waited for it can have it from the first byte on: as long as a watcher that is slow has anyway.
 */
export const FIRST_ASK_MS: number = GRACE_MS;

/** Bytes after which a node confirms what it has: often in a window, so that a sender need not wait. */
export const CONFIRM_BYTES: number = 256 * 1024;

/** Bytes given to NATS after which it is asked whether it has taken them. */
export const FLUSH_BYTES: number = 256 * 1024;

/** Bytes given to NATS that it has not said to have: beyond it every link waits. */
export const CLUSTER_QUEUE_BYTES: number = 8 * 1024 * 1024;

/**
 * Milliseconds that the rest of a broadcast may take to come, after the word that its broadcaster has
 * gone, and that an owner has to give a channel up.
 */
export const YIELD_MS = 1_000;

/** Milliseconds without a message after which an owner is asked to begin anew where a link stopped. */
export const LINK_QUIET_MS = 2_000;

/** Milliseconds between two attempts to reach NATS. */
export const NATS_RETRY_MS = 1_000;

/** Passwords that a node remembers of a channel to be the right one, or not to be. */
export const VERDICTS_KEPT = 64;
