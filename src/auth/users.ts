/**
 * The authenticator over a folder of user files, `NAME.ini`.
 *
 * A broadcaster is told the same whether the user is unknown, the file unusable or the password
 * wrong; the log is told which. That is for tidiness, not to keep names secret: a watcher learns by
 * `not-found` who exists, and the time of an answer shows whether a hash was checked. What no
 * answer shows is a password, or anything of what a file holds.
 */
import { sameSecret } from "../core/bytes.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import { isName } from "../protocol/request.ts";
import type { AuthRequest, Authenticator } from "./authenticator.ts";
import { USER_SUFFIX } from "./files.ts";
import { hashChecks, type HashChecks } from "./hashes.ts";
import { userLookup, type Found, type UserLookup, type UserLookupOptions } from "./lookup.ts";
import { readings, type UserFile } from "./userfile.ts";

/** What can be set; the folder and the log must be. */
export interface UsersFolderOptions extends UserLookupOptions {
  /** Takes a line for the log: who was refused and why. It holds no secrets. */
  readonly onProblem: (message: string) => void;
  readonly hashes?: HashChecks;
}

/** Why a password does not let its sender in; null where it does. `limit` is nobody's fault. */
type Verdict = "wrong" | "missing" | "full" | null;

const UNAUTHORIZED = refusal("unauthorized", "wrong user or password");
const NOT_FOUND = refusal("not-found", "no such user");
const TOO_BUSY = refusal("limit", "too many passwords are being checked; try again later");

/** Asks the files in `options.folder`, anew for every connection. */
export function usersFolder(options: UsersFolderOptions): Authenticator {
  const lookup = userLookup(options);
  const hashes = options.hashes ?? hashChecks();

  const report = (request: AuthRequest, reason: string): void => {
    const from = request.address === "" ? "a unix socket" : request.address;
    options.onProblem(`refused ${request.verb} by ${nameForLog(request)} from ${from}: ${reason}`);
  };

  const broadcast = async (request: AuthRequest, found: Found): Promise<Refusal | null> => {
    if (found.kind !== "user") {
      report(request, found.kind === "unknown" ? "no such user" : fileProblem(request, found));
      return UNAUTHORIZED;
    }
    const verdict = await judge(request, found.file, hashes).catch((error: unknown) => {
      report(request, `its hash cannot be checked (${String(error)})`);
      return "reported" as const;
    });
    return answer(verdict, (reason) => report(request, reason));
  };

  return {
    async authenticate(request) {
      const found = await find(lookup, request.user);
      if (request.verb === "broadcast") {
        return broadcast(request, found);
      }
      return found.kind === "unknown" ? NOT_FOUND : null;
    },
  };
}

/** A name that cannot be one never reaches the file system. */
async function find(lookup: UserLookup, name: string): Promise<Found> {
  return isName(name) ? lookup.find(name) : { kind: "unknown" };
}

async function judge(request: AuthRequest, file: UserFile, hashes: HashChecks): Promise<Verdict> {
  const { userPassword } = request;
  const { password, passwordHash } = file;
  if (passwordHash === undefined && password === undefined) {
    return null;
  }
  if (userPassword === undefined) {
    return "missing";
  }
  if (passwordHash !== undefined) {
    const right = await hashes.verify(userPassword, passwordHash);
    return right === "full" ? right : right ? null : "wrong";
  }
  const accepted = readings(password ?? "").map((reading) => sameSecret(userPassword, reading));
  return accepted.includes(true) ? null : "wrong";
}

function answer(verdict: Verdict | "reported", report: (reason: string) => void): Refusal | null {
  switch (verdict) {
    case null:
      return null;
    case "reported":
      return UNAUTHORIZED;
    case "full":
      report("too many passwords are being checked");
      return TOO_BUSY;
    case "missing":
      report("it sent no password");
      return UNAUTHORIZED;
    case "wrong":
      report("wrong password");
      return UNAUTHORIZED;
  }
}

function fileProblem(request: AuthRequest, found: Found & { kind: "unusable" }): string {
  return `${request.user}${USER_SUFFIX} cannot be used: ${found.problem}`;
}

/** What is no name may hold anything, line breaks included: it stays out of the log. */
function nameForLog(request: AuthRequest): string {
  return isName(request.user) ? request.user : "an impossible name";
}
