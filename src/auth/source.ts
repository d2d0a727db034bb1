/**
 * What of an IP address stands for the one who uses it.
 */
import { groupsOf, parseIp, printIp } from "../core/networks.ts";

/**
 * An IPv4 address is one user's. Of an IPv6 address it is the first half: whoever has a line has
 * all 2^64 addresses of the second. A dual-stack listener shows IPv4 peers as `::ffff:1.2.3.4`,
 * which are IPv4 here, or all of them would be one. What is no address is returned as it is.
 */
export function sourceOf(address: string): string {
  const [plain = ""] = address.toLowerCase().split("%");
  const ip = parseIp(plain);
  if (ip === null) {
    return plain;
  }
  return ip.length === 4 ? printIp(ip) : `${groupsOf(ip).slice(0, 4).join(":")}::/64`;
}
