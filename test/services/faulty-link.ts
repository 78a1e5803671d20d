import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * A fault of a network. `refuse`: new connections are refused and existing ones are reset. `mute`: nothing gets through until the fault ends; then everything does.
 * `half-open`: answers are lost, and connections are reset when the fault ends. `slow`: each piece is late. `cut`: each connection breaks in the middle of the next piece.
 */
export type LinkFault = "refuse" | "mute" | "half-open" | "slow" | "cut";

/** Delay of a piece on a slow link, in ms. */
const LATE = 150;

/** A network between a client and a server on this machine. It can fail as networks do. */
export class FaultyLink {
  private readonly server: Server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  private readonly sockets = new Set<Socket>();
  private fault: LinkFault | undefined;

  private constructor(private readonly target: () => number) {}

  /** Makes a link. @param target returns the port of the server, for each connection */
  static async to(target: () => number): Promise<FaultyLink> {
    const link = new FaultyLink(target);
    await link.listen(0);
    link.port = (link.server.address() as AddressInfo).port;
    return link;
  }

  /** The port to which clients connect. */
  port = 0;

  /** Begins a fault, which replaces the previous one. */
  async break(fault: LinkFault): Promise<void> {
    await this.mend();
    this.fault = fault;
    if (fault === "refuse") await this.close();
    if (fault === "mute") for (const socket of this.sockets) socket.pause();
  }

  /** Ends the fault. */
  async mend(): Promise<void> {
    const { fault } = this;
    this.fault = undefined;
    if (fault === "refuse") await this.listen(this.port);
    if (fault === "mute") for (const socket of this.sockets) socket.resume();
    if (fault === "half-open") this.reset();
  }

  /** Resets all connections and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.reset();
    await closed;
  }

  private listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, "127.0.0.1", () => {
        this.server.off("error", reject);
        resolve();
      });
    });
  }

  private reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  private accept(client: Socket): void {
    const server = connect({ port: this.target(), host: "127.0.0.1", allowHalfOpen: true });
    this.pass(client, server, false);
    this.pass(server, client, true);
  }

  private pass(from: Socket, to: Socket, answers: boolean): void {
    this.sockets.add(from);
    let last = Promise.resolve();
    const inTurn = (act: () => void): void => {
      if (this.fault === "slow") last = last.then(() => new Promise((resolve) => setTimeout(resolve, LATE)));
      void (last = last.then(act));
    };
    from.setNoDelay(true);
    from.on("data", (piece) => {
      if (this.fault === "half-open" && answers) return;
      if (this.fault !== "cut") return inTurn(() => to.write(piece));
      to.write(piece.subarray(0, Math.floor(piece.length / 2)), () => [from, to].forEach((socket) => socket.resetAndDestroy()));
    });
    from.on("end", () => inTurn(() => to.end()));
    from.on("error", () => to.resetAndDestroy());
    from.on("close", () => {
      this.sockets.delete(from);
      inTurn(() => to.end());
    });
    if (this.fault === "mute") from.pause();
  }
}
