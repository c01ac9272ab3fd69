import { InvalidConfig } from "../errors.ts";
import type { Setting } from "./credentials.ts";

/** A list of servers, with what the URLs said about who connects. */
export interface ServerList {
  /** As in `nats://127.0.0.1:4222`, without names or passwords: fit for a log. */
  servers: string[];
  /** True when a URL begins with `tls://`. */
  tls: boolean;
  user?: string;
  password?: string;
  token?: string;
}

interface ServerUrl {
  scheme: string;
  host: string;
  userInfo: string | undefined;
}

/**
 * Reads a comma list of server URLs. The client library does not look at `user:password@` in them, so that is taken
 * out here; a name without a password is a token. Throws {@link InvalidConfig} that names no secret.
 */
export function parseServers(setting: Setting): ServerList {
  const parts = setting.value.split(",").map((part) => part.trim());
  const urls = parts.filter((part) => part !== "").map((part) => parseUrl(part, setting.origin));
  if (urls.length === 0) throw new InvalidConfig(`${setting.origin} names no server.`);
  const infos = new Set(urls.flatMap(({ userInfo }) => userInfo ?? []));
  if (infos.size > 1)
    throw new InvalidConfig(`${setting.origin}: all servers must have the same user and password.`);
  const [info] = infos;
  return {
    servers: urls.map(({ scheme, host }) => `${scheme}://${host}`),
    tls: urls.some(({ scheme }) => scheme === "tls"),
    ...(info === undefined ? {} : splitUserInfo(info)),
  };
}

function parseUrl(url: string, origin: string): ServerUrl {
  const found = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:(.*)@)?([^@]*)$/i.exec(url);
  const scheme = found?.[1]?.toLowerCase() ?? "nats";
  if (scheme !== "nats" && scheme !== "tls") {
    throw new InvalidConfig(`${origin}: muster connects by nats:// or tls://, not by ${scheme}://.`);
  }
  return { scheme, host: checkHost(found?.[3] ?? "", origin), userInfo: found?.[2] };
}

function checkHost(hostPort: string, origin: string): string {
  // A port that is a scheme's own one is dropped by URL; this scheme has none of those.
  const address = `nats://${hostPort}`;
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  if (parsed === undefined || parsed.hostname === "") {
    throw new InvalidConfig(
      `${origin}: "${hostPort}" is no server address (host:port, or [address]:port for IPv6).`,
    );
  }
  return parsed.host;
}

function splitUserInfo(info: string): Pick<ServerList, "user" | "password" | "token"> {
  const colon = info.indexOf(":");
  if (colon < 0) return { token: decode(info) };
  return { user: decode(info.slice(0, colon)), password: decode(info.slice(colon + 1)) };
}

/** A password typed without percent-encoding is taken as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
