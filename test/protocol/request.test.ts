/**
 * The text of a request: what is read from it, what is refused, and what our own side writes.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  firstUnsendable,
  isChannel,
  isName,
  readFields,
  readRequest,
  writeRequest,
  type Request,
  type Wish,
} from "../../src/protocol/request.ts";
import { describeWith } from "../support/tools.ts";
import { anyName, anyValue, askPython } from "./helpers.ts";

/** The request that `text` is, or the message that says why it is none. */
function read(text: string): Request | string {
  const result = readRequest(text);
  return result.ok ? result.request : result.bad.message;
}

const JOINS = ["keyframe", "live", "raw"] as const;

const PLAIN: Request = {
  verb: "watch",
  user: "bob",
  userPassword: undefined,
  channel: "",
  channelPassword: undefined,
  reply: false,
  join: undefined,
  wait: true,
};

function maybe<T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(values, { nil: undefined });
}

describe("a request", () => {
  test("needs a verb and a user, and everything else has a default", () => {
    expect(read("watch,user=bob")).toEqual(PLAIN);
    expect(read("broadcast,user=bob")).toEqual({ ...PLAIN, verb: "broadcast" });
  });

  test("of the Python program is read in full", () => {
    const text = "user=fier,user-password=123,channel=exampleChannel,channel-password=456";
    const fields = {
      user: "fier",
      userPassword: "123",
      channel: "exampleChannel",
      channelPassword: "456",
    };
    expect(read(`broadcast,${text}`)).toEqual({ ...PLAIN, verb: "broadcast", ...fields });
    expect(read(`watch,${text}`)).toEqual({ ...PLAIN, ...fields });
  });

  test("keeps every = of a value behind the first", () => {
    expect(read("watch,user=bob,channel=a=b==,channel-password==")).toMatchObject({
      channel: "a=b==",
      channelPassword: "=",
    });
  });

  test("keeps spaces, cases and any other character of a value", () => {
    expect(read("watch,user=bob,channel= A ; é \u{1f600},channel-password=\n\0")).toMatchObject({
      channel: " A ; é \u{1f600}",
      channelPassword: "\n\0",
    });
  });

  test("tells an empty password from none", () => {
    expect(read("broadcast,user=bob,user-password=,channel-password=")).toMatchObject({
      userPassword: "",
      channelPassword: "",
    });
  });

  test("of a key that comes twice takes the last", () => {
    expect(read("watch,user=eve,channel=a,user=bob,channel=b")).toMatchObject({
      user: "bob",
      channel: "b",
    });
    expect(read("watch,user=../x,user=bob")).toEqual(PLAIN);
    expect(read("watch,user=bob,user=")).toBe("the user is missing");
  });

  test("passes over keys that it does not know, pieces without = and pieces without a key", () => {
    for (const piece of ["x=1", "__proto__=1", "User=eve", "user ", "channel", "", "=eve", "="]) {
      expect(read(`watch,${piece},user=bob,${piece}`)).toEqual(PLAIN);
    }
    expect(read("watch,user=bob, user=eve")).toEqual(PLAIN);
  });

  test("asks for a reply by exactly reply=1", () => {
    expect(read("watch,user=bob,reply=1")).toEqual({ ...PLAIN, reply: true });
    for (const value of ["0", "", "11", "true", " 1"]) {
      expect(read(`watch,user=bob,reply=${value}`)).toEqual(PLAIN);
    }
    expect(read("watch,user=bob,reply=1,reply=0")).toEqual(PLAIN);
  });

  test("joins at a keyframe, live or raw, and nowhere else", () => {
    for (const join of JOINS) {
      expect(read(`watch,user=bob,join=${join}`)).toEqual({ ...PLAIN, join });
    }
    for (const join of ["", "Raw", "keyframes", "constructor"]) {
      expect(read(`watch,user=bob,join=${join}`)).toBe("join is none of keyframe live raw");
    }
  });

  test("waits unless it says wait=0", () => {
    expect(read("watch,user=bob,wait=0")).toEqual({ ...PLAIN, wait: false });
    for (const value of ["1", "", "no", "00"]) {
      expect(read(`watch,user=bob,wait=${value}`)).toEqual(PLAIN);
    }
  });
});

describe("a text that is no request", () => {
  test("has another verb", () => {
    for (const verb of ["", "Watch", "watch ", " watch", "user=bob", "listen", "watchuser=bob"]) {
      expect(read(`${verb},user=bob`)).toBe("the verb is neither broadcast nor watch");
    }
  });

  test("has no user", () => {
    for (const text of ["watch", "watch,", "watch,user", "watch,user=", "watch;user=bob"]) {
      expect(read(text)).toBe(
        text.includes(";") ? "the verb is neither broadcast nor watch" : "the user is missing",
      );
    }
  });

  test("has a user that cannot be a file's name", () => {
    const names = [
      "../../x",
      "..",
      ".",
      ".bob",
      "a/b",
      "a\\b",
      "a b",
      "bob\n",
      "bob\0",
      "é",
      "a:b",
      "\u017f",
      "\u212a",
    ];
    for (const user of [...names, "x".repeat(65)]) {
      expect(read(`watch,user=${user}`)).toContain("a user's name is 1 to 64 of");
    }
  });

  test("has a channel that is too long or would break a line", () => {
    for (const channel of [
      "x".repeat(256),
      "é".repeat(128),
      "a\nb",
      "\0",
      "\x7f",
      "\x85",
      "\u2028",
    ]) {
      expect(read(`watch,user=bob,channel=${channel}`)).toContain("a channel's name is at most");
    }
  });

  test("says whether it wants to hear so", () => {
    for (const text of ["", "watch", "watch,user=..", "watch,user=bob,join=x"]) {
      for (const reply of [true, false]) {
        const result = readRequest(reply ? `${text},reply=1` : text);
        expect(result).toMatchObject({ ok: false, bad: { code: "bad-request", reply } });
      }
    }
  });
});

test("a user's name has 1 to 64 of the plain characters and no leading dot", () => {
  for (const name of ["b", "bob", "B.o-b_1", "-", "_", "a.", "a..b", "0", "x".repeat(64), "CON"]) {
    expect(isName(name)).toBe(true);
  }
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), anyName, fc.string()), (text) => {
      const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
      const good =
        text !== "" && text.length <= 64 && Array.from(text).every((c) => plain.includes(c));
      expect(isName(text)).toBe(good && !text.startsWith("."));
    }),
  );
});

test("a channel's name may be empty, or up to 255 bytes in any script", () => {
  for (const name of [
    "",
    "x".repeat(255),
    "é".repeat(127),
    "\u{1f600}".repeat(63),
    "../..",
    "a/b",
  ]) {
    expect(isChannel(name)).toBe(true);
  }
});

describe("what is written", () => {
  const anyWish: fc.Arbitrary<Wish> = fc.record({
    verb: fc.constantFrom("broadcast", "watch"),
    user: anyName,
    userPassword: maybe(anyValue),
    channel: maybe(anyValue.filter(isChannel)),
    channelPassword: maybe(anyValue),
    reply: maybe(fc.boolean()),
    join: maybe(fc.constantFrom(...JOINS)),
    wait: maybe(fc.boolean()),
  });

  test("is read back as what was wished for, with the defaults for the rest", () => {
    fc.assert(
      fc.property(anyWish, (wish) => {
        const given = Object.entries(wish).filter(([, value]) => value !== undefined);
        expect(read(writeRequest(wish))).toEqual({ ...PLAIN, ...Object.fromEntries(given) });
      }),
      { numRuns: 2000 },
    );
  });

  test("says nothing of what is left out", () => {
    expect(writeRequest({ verb: "watch", user: "bob" })).toBe("watch,user=bob");
    expect(writeRequest({ verb: "watch", user: "bob", reply: false, wait: true })).toBe(
      "watch,user=bob",
    );
    expect(
      writeRequest({
        verb: "watch",
        user: "bob",
        channel: "",
        reply: true,
        join: "raw",
        wait: false,
      }),
    ).toBe("watch,user=bob,channel=,reply=1,join=raw,wait=0");
  });

  test("cannot hold a comma, and the first value that does is named", () => {
    const wish = { verb: "watch", user: "bob", channel: "a" } as const;
    expect(firstUnsendable(wish)).toBeUndefined();
    expect(firstUnsendable({ ...wish, user: "b,b" })).toBe("user");
    expect(firstUnsendable({ ...wish, userPassword: "," })).toBe("user-password");
    expect(firstUnsendable({ ...wish, userPassword: ",", channel: "," })).toBe("user-password");
    expect(firstUnsendable({ ...wish, channel: "a,", channelPassword: "," })).toBe("channel");
    expect(firstUnsendable({ ...wish, channelPassword: "a,b" })).toBe("channel-password");
  });

  test("would be read as something else exactly where a value is named", () => {
    const part = fc.constantFrom(",", "a", "=", "user=x", "wait=0", "");
    const value = maybe(fc.array(part, { maxLength: 3 }).map((parts) => parts.join("")));
    const fields = { userPassword: value, channel: value, channelPassword: value };
    fc.assert(
      fc.property(fc.record(fields), (given) => {
        const wish: Wish = { verb: "watch", user: "bob", ...given };
        const known = Object.entries(given).filter(([, one]) => one !== undefined);
        const whole = { ...PLAIN, ...Object.fromEntries(known) };
        const same = Bun.deepEquals(read(writeRequest(wish)), whole);
        expect(firstUnsendable(wish) === undefined).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });
});

describeWith("python3", "compared with Python's way to split", () => {
  test("any text has the same verb and the same fields", () => {
    const piece = fc.constantFrom("user", "=", ",", "a", "é", " ", "\n", "", "channel=", ",user=");
    const texts = fc.sample(
      fc.array(piece, { maxLength: 15 }).map((pieces) => pieces.join("")),
      1000,
    );
    const script = `answer = []
for text in given:
    verb, *pieces = text.split(",")
    pairs = [piece.partition("=") for piece in pieces]
    answer.append([verb, {key: value for key, sign, value in pairs if key and sign}])`;
    const ours = texts.map((text) => {
      const { verb, fields } = readFields(text);
      return [verb, Object.fromEntries(fields)];
    });
    expect(askPython(script, texts)).toEqual(ours);
  });
});
