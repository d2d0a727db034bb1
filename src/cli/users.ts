/** `fstream users`: adds, lists and removes those who may broadcast. */
import { addUser, listUsers, removeUser } from "../auth/userstore.ts";
import { isName } from "../protocol/request.ts";
import { command, type Command } from "./command.ts";
import { askHidden, passwordFromFile } from "./passwords.ts";
import { messageOf, talk, UsageError } from "./talk.ts";

const FOLDER = {
  type: "string",
  valueHint: "path",
  default: process.env["FSTREAM_USERS"] ?? "users",
  description: "Folder of the user files",
} as const;

const NAME = {
  type: "positional",
  required: true,
  description: "The user's name: 1 to 64 of A-Z a-z 0-9 . _ - and no leading dot",
} as const;

const add: Command = command({
  meta: { name: "fstream users add", description: "Add a user, or give one a new password" },
  args: {
    name: NAME,
    users: FOLDER,
    "password-file": {
      type: "string",
      valueHint: "path",
      description: "A file whose first line is the password; else it is asked for",
    },
    open: { type: "boolean", description: "No password: anyone may broadcast under this name" },
    replace: { type: "boolean", description: "Replace a user that exists" },
  },
  async run({ args }) {
    checkName(args.name);
    const password = args.open === true ? null : newPassword(args["password-file"]);
    try {
      await addUser(args.users, args.name, password, { replace: args.replace ?? false });
    } catch (error) {
      const problem = messageOf(error);
      const hint = problem.endsWith("exists already") ? "; --replace gives it a new password" : "";
      throw new UsageError(problem + hint);
    }
    talk.success(`${args.name} may broadcast${password === null ? ", and so may anyone" : ""}`);
  },
});

const list: Command = command({
  meta: { name: "fstream users list", description: "List the users" },
  args: { users: FOLDER },
  async run({ args }) {
    for (const { name, guard, problem } of await listUsers(args.users)) {
      process.stdout.write(`${name}\t${guard}${problem === undefined ? "" : `\t${problem}`}\n`);
    }
  },
});

const remove: Command = command({
  meta: { name: "fstream users remove", description: "Remove a user; what is live goes on" },
  args: { name: NAME, users: FOLDER },
  async run({ args }) {
    checkName(args.name);
    if (!(await removeUser(args.users, args.name))) {
      throw new UsageError(`there is no user ${args.name} in ${args.users}/`);
    }
    talk.success(`${args.name} may no longer broadcast`);
  },
});

export const users: Command = command({
  meta: { name: "fstream users", description: "Add, list and remove those who may broadcast" },
  subCommands: { add, list, remove },
});

function checkName(name: string): void {
  if (!isName(name)) {
    throw new UsageError(
      `"${name}" is no user's name: it takes 1 to 64 of A-Z a-z 0-9 . _ - and no leading dot`,
    );
  }
}

/** A password that a client can send: the protocol has no way to carry a comma. */
function newPassword(file: string | undefined): string {
  const password = file === undefined ? askTwice() : passwordFromFile(file);
  if (password === "") {
    throw new UsageError("the password is empty; --open adds a user without one");
  }
  if (password.includes(",")) {
    throw new UsageError("the password holds a comma, which the protocol cannot carry");
  }
  return password;
}

function askTwice(): string {
  const password = askHidden("password: ");
  if (askHidden("once more: ") !== password) {
    throw new UsageError("the two passwords differ");
  }
  return password;
}
