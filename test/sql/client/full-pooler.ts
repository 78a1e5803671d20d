import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";

/** A pooler before a PostgreSQL: it answers each login, and then only so many connections at a time. */
export class FullPooler {
  private readonly sockets = new Set<Socket>();
  private served = 0;

  private constructor(
    private readonly server: Server,
    private readonly target: number,
    private readonly room: number,
  ) {
    server.on("connection", (socket: Socket) => this.take(socket));
  }

  static async start(target: number, room: number): Promise<FullPooler> {
    const pooler = new FullPooler(createServer(), target, room);
    await new Promise<void>((resolve) => pooler.server.listen(0, "127.0.0.1", resolve));
    return pooler;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private take(socket: Socket): void {
    const beyond = createConnection(this.target, "127.0.0.1");
    const hasRoom = this.served < this.room;
    this.served += 1;
    let isReady = false;
    socket.on("data", (bytes) => {
      if (hasRoom || !isReady) beyond.write(bytes);
    });
    beyond.on("data", (bytes) => {
      isReady ||= bytes.includes("Z\0\0\0\u0005I"); // ready for a query: the login is over
      socket.write(bytes);
    });
    socket.on("close", () => {
      this.served -= 1;
      beyond.destroy();
    });
    for (const each of [socket, beyond]) {
      this.sockets.add(each);
      each.on("error", () => undefined).on("close", () => this.sockets.delete(each));
    }
  }
}
