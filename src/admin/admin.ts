/**
 * The second port: pages, API and metrics, for those who run the server.
 *
 *     request ──► name of this machine? ──► page, /healthz, /readyz, /api/player ──► answered
 *                        │                └─► /api/…, /metrics ──► own site, token ──► answered
 *                        └──► 403
 *
 * It reads what the hub holds and is asked for by nobody on the way of the media.
 */
import type { Server as HttpServer } from "bun";
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { Faults } from "../server/faults.ts";
import { ipv6Only, refuseCompany } from "../server/listener.ts";
import type { Server } from "../server/server.ts";
import type { Settings } from "../server/settings.ts";
import { isLoopback, nameInUrl, newAccess } from "./access.ts";
import { answer, answerPlayer } from "./api.ts";
import { newEvents } from "./events.ts";
import { newPages } from "./pages.ts";
import { newRates } from "./rates.ts";
import { problem, text, wrongMethod } from "./replies.ts";
import type { Subject } from "./snapshot.ts";

export interface AdminOptions {
  readonly settings: Pick<Settings, "admin-host" | "admin-port" | "admin-token">;
  readonly server: Server;
  readonly clock: Clock;
  readonly faults: Faults;
  /** Whether to listen beside another server, which has the port now and is about to stop. */
  readonly beside?: boolean;
  /** What /metrics answers. */
  readonly metrics?: () => Promise<string>;
}

export interface Admin {
  /** Where the pages are, a URL for each address. */
  readonly urls: readonly string[];
  /** From now on /readyz says that the server is stopping. */
  retire(): void;
  stop(): Promise<void>;
}

/** The port is in use. */
export class PortTaken extends Error {}

/** Bytes of a request's body: there is none that means anything. */
const BODY_MAX_BYTES = 1024;

/** What Prometheus reads. */
const TEXT_METRICS = "text/plain; version=0.0.4; charset=utf-8";

/** Starts the admin server. Throws an error with a one-line message where it cannot. */
export function startAdmin(options: AdminOptions): Admin {
  const { clock, faults, server, settings } = options;
  const { "admin-host": hosts, "admin-token": token } = settings;
  refuseOpenDoors(hosts, token);
  const rates = newRates(clock, server);
  const now = clock.now();
  const subject: Subject = { server, clock, rates, startedAt: now, epoch: Date.now() - now };
  const events = newEvents(clock, subject);
  const access = newAccess({ clock, token, hosts });
  const pages = newPages((error) => faults.note(error));
  let isStopping = false;

  const guarded = async (request: Request, address: string): Promise<Response> => {
    const denial = await access.judge(request, address);
    if (denial !== null) {
      return problem(denial.status, denial.code, denial.message);
    }
    return new URL(request.url).pathname === "/metrics"
      ? metricsOf(options, request)
      : answer({ subject, events }, request);
  };

  const respond = async (request: Request, address: string): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (!access.knowsHost(request)) {
      return problem(403, "forbidden", "this server has another name; see --admin-host");
    }
    if (pathname.startsWith("/api/player/")) {
      return answerPlayer(subject, request);
    }
    if (pathname.startsWith("/api/") || pathname === "/metrics") {
      return guarded(request, address);
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return wrongMethod("GET");
    }
    if (pathname === "/healthz") {
      return text("ok\n");
    }
    if (pathname === "/readyz") {
      return isStopping ? text("stopping\n", 503) : text("ok\n");
    }
    return (await pages.at(pathname)) ?? notFound();
  };

  const listeners = listenOnHosts(options, (request, http) => {
    // Events come every second, and Bun closes what is quiet for longer than it is told.
    http.timeout(request, 0);
    return respond(request, http.requestIP(request)?.address ?? "");
  });
  return {
    urls: listeners.map(({ hostname, port }) => `http://${nameInUrl(hostname ?? "")}:${port}/`),
    retire() {
      isStopping = true;
    },
    async stop() {
      rates.stop();
      events.stop();
      await Promise.all(listeners.map((listener) => listener.stop(true)));
    },
  };
}

/** Whoever can reach the port can end broadcasts: without a token that is this machine alone. */
function refuseOpenDoors(hosts: readonly string[], token: string | undefined): void {
  const open = hosts.find((host) => !isLoopback(host));
  if (open !== undefined && token === undefined) {
    throw new Error(
      `admin-host is ${open}, which others can reach: set admin-token too, or leave it at 127.0.0.1`,
    );
  }
}

type Handler = (request: Request, http: HttpServer<undefined>) => Promise<Response>;

/** Listens on every host. All share the port that the first one gets. */
function listenOnHosts(options: AdminOptions, handler: Handler): HttpServer<undefined>[] {
  const { beside = false, faults, settings } = options;
  const listeners: HttpServer<undefined>[] = [];
  let port = settings["admin-port"];
  for (const hostname of settings["admin-host"]) {
    try {
      if (!beside) {
        refuseCompany(hostname, port);
      }
      const listener = Bun.serve({
        hostname,
        port,
        reusePort: true,
        ...ipv6Only(hostname),
        development: false,
        maxRequestBodySize: BODY_MAX_BYTES,
        fetch: handler,
        error(error) {
          faults.note(error);
          return problem(500, "bad-request", "internal error");
        },
      });
      port = listener.port ?? port;
      listeners.push(listener);
    } catch (error) {
      listeners.forEach((listener) => void listener.stop(true));
      throw explain(hostname, port, error);
    }
  }
  return listeners;
}

function explain(host: string, port: number, error: unknown): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const where = `cannot listen on ${nameInUrl(host)}:${port} for the pages`;
  switch (code) {
    case "EADDRINUSE":
      return new PortTaken(`${where}: it is in use; choose another --admin-port`, { cause: error });
    case "EACCES":
      return new Error(`${where}: not allowed; choose an --admin-port above 1023`);
    case "EADDRNOTAVAIL":
      return new Error(`${where}: this machine has no such address; see --admin-host`);
    default:
      return new Error(`${where}: ${messageOf(error)}`);
  }
}

async function metricsOf({ metrics }: AdminOptions, request: Request): Promise<Response> {
  if (request.method !== "GET") {
    return wrongMethod("GET");
  }
  return metrics === undefined ? notFound() : text(await metrics(), 200, TEXT_METRICS);
}

function notFound(): Response {
  return text("there is no such page\n", 404);
}
