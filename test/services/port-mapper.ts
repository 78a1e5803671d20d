import { Service } from "./service";
import { freePorts, isListening, waitFor } from "./wait";

/** Erlang's port mapper for nodes that must find each other. It outlives each of them, as on a real machine. */
export class PortMapper extends Service {
  constructor() {
    super("epmd");
  }

  protected choosePort(): Promise<number> {
    return freePorts();
  }

  protected prepare(): Promise<void> {
    return Promise.resolve();
  }

  protected async launch(): Promise<void> {
    const env = { PATH: `${process.env.PATH ?? ""}:/usr/lib/erlang/bin` };
    this.spawn("epmd", ["-address", "127.0.0.1", "-port", String(this.port)], { env });
    await waitFor("Erlang's port mapper", () => isListening(this.port), { interval: 10 });
  }

  protected requestStop(): void {
    this.signalAll("SIGTERM");
  }

  protected crash(): void {
    this.signalAll("SIGKILL");
  }
}
