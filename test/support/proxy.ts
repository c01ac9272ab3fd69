/** A TCP proxy that can be cut: connections break, and new ones are turned away until it heals. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CuttableProxy {
  readonly port: number;
  cut(): void;
  heal(): void;
  stop(): Promise<void>;
}

/** Passes what comes at one socket on to the other, both ways. */
export type Link = (near: Socket, far: Socket) => void;

/** Listens on a free port of 127.0.0.1 and passes everything on to `target` there, by way of `link`. */
export async function startProxy(target: number, link: Link = plainly): Promise<CuttableProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) near.destroy();
    else join(near, connect(target, "127.0.0.1"), { sockets, link });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true;
      breakAll();
    },
    heal: () => {
      isCut = false;
    },
    stop: () => {
      breakAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function plainly(near: Socket, far: Socket): void {
  near.pipe(far);
  far.pipe(near);
}

function join(near: Socket, far: Socket, { sockets, link }: { sockets: Set<Socket>; link: Link }): void {
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
  }
  link(near, far);
}
