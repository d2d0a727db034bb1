/**
 * What an operator of NATS gives: an account, and users of it with a file that lets them in. See
 * docs.nats.io, "JWTs".
 */
import { nkeys } from "@nats-io/transport-node";

export interface Operator {
  /** Lines of a server's configuration by which it knows the account. */
  readonly lines: readonly string[];
  /** The text of a .creds file. */
  creds(): string;
}

type Pair = ReturnType<typeof nkeys.createUser>;

export function newOperator(): Operator {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const token = sign(operator, operator, "operator", "operator");
  const accountToken = sign(operator, account, "account", "account", {
    limits: { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 },
  });
  const id = account.getPublicKey();
  return {
    lines: [
      `operator: ${token}`,
      "resolver: MEMORY",
      `resolver_preload: { ${id}: ${accountToken} }`,
    ],
    creds() {
      const user = nkeys.createUser();
      const limits = { subs: -1, data: -1, payload: -1 };
      const jwt = sign(account, user, "user", "user", limits);
      const seed = new TextDecoder().decode(user.getSeed());
      return [
        "-----BEGIN NATS USER JWT-----",
        jwt,
        "------END NATS USER JWT------",
        "",
        "-----BEGIN USER NKEY SEED-----",
        seed,
        "------END USER NKEY SEED------",
        "",
      ].join("\n");
    },
  };
}

/** A token in which `issuer` says of `subject` what it is. */
function sign(issuer: Pair, subject: Pair, name: string, type: string, more: object = {}): string {
  const head = { typ: "JWT", alg: "ed25519-nkey" };
  const claims = {
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name,
    nats: { type, version: 2, ...more },
  };
  const text = [head, claims].map((part) => coded(JSON.stringify(part))).join(".");
  return `${text}.${coded(issuer.sign(new TextEncoder().encode(text)))}`;
}

function coded(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
