import { describe, it } from "vitest";
import { foundServers } from "../support/found-servers.ts";
import { realBed } from "../support/real-bed.ts";
import { describeBroker } from "./broker.conformance.ts";

const servers = await foundServers();

for (const { path, version } of servers) describeBroker(`nats-server ${version}`, () => realBed(path));

describe.skipIf(servers.length > 0)("nats-server", () => {
  it.skip("is not on this machine: nothing was tested on the real broker");
});
