/**
 * What of an IP address stands for the one who uses it.
 */

/**
 * An IPv4 address is one user's. Of an IPv6 address it is the first half: whoever has a line has
 * all 2^64 addresses of the second. A dual-stack listener shows IPv4 peers as `::ffff:1.2.3.4`,
 * which are IPv4 here, or all of them would be one. What is no address is returned as it is.
 */
export function sourceOf(address: string): string {
  const [plain = ""] = address.toLowerCase().split("%");
  if (!plain.includes(":")) {
    return plain;
  }
  const groups = expand(plain);
  if (groups === undefined) {
    return plain;
  }
  return isMapped(groups)
    ? dotted(groups.slice(6))
    : groups.slice(0, 4).map(hex).join(":") + "::/64";
}

/** The eight groups of an IPv6 address. */
function expand(address: string): readonly number[] | undefined {
  const [left = "", right, ...more] = address.split("::");
  const head = groupsOf(left);
  const tail = groupsOf(right ?? "");
  const missing = 8 - head.length - tail.length;
  if (more.length > 0 || missing < 0 || (right === undefined && missing > 0)) {
    return undefined;
  }
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return groups.every((group) => group >= 0 && group <= 0xffff) ? groups : undefined;
}

/**
 * Some groups, the last of which may be an IPv4 address and then are two. What is no group becomes
 * NaN.
 */
function groupsOf(text: string): readonly number[] {
  return text === ""
    ? []
    : text.split(":").flatMap((part) => (part.includes(".") ? pair(part) : [parse(part)]));
}

function pair(ipv4: string): readonly number[] {
  const [a = NaN, b = NaN, c = NaN, d = NaN] = ipv4.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}

function parse(group: string): number {
  return /^[0-9a-f]{1,4}$/.test(group) ? parseInt(group, 16) : NaN;
}

function isMapped(groups: readonly number[]): boolean {
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
}

function dotted(groups: readonly number[]): string {
  return groups.flatMap((group) => [group >> 8, group & 255]).join(".");
}

function hex(group: number): string {
  return group.toString(16);
}
