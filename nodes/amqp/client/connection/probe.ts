import { connect } from "node:net";
import type { BrokerAddress } from "./broker-url";

/** How long to wait for an answer, in ms. A server that speaks AMQP answers at once. */
const PATIENCE = 2_000;

/** The protocol header with which every AMQP 0-9-1 connection begins. */
const HEADER = Buffer.from("AMQP\0\0\x09\x01", "latin1");

/**
 * Finds out what listens on a port on which no AMQP connection could be made.
 *
 * @returns what it is, in words; `undefined` when that is not clear, or when it is what the address says
 */
export async function whatAnswers({ protocol, hostname, port }: BrokerAddress): Promise<string | undefined> {
  const answer = await firstBytes(hostname, port);
  if (answer === undefined) return undefined;
  const text = answer.toString("latin1");
  if (answer[0] === 0x15 && answer[1] === 0x03) return protocol === "amqp" ? "this port speaks TLS: write amqps:// instead of amqp://" : undefined;
  if (answer[0] === 0x01) return protocol === "amqps" ? "this port speaks AMQP without TLS: write amqp:// instead of amqps://" : undefined;
  if (text.startsWith("AMQP")) return "this server speaks another version of AMQP, not 0-9-1";
  if (text.startsWith("HTTP/")) return "this is a web server, perhaps the broker's management page: AMQP has a port of its own (5672, with TLS 5671)";
  if (answer.length === 0) return undefined;
  return "what answers on this port is not an AMQP server";
}

/** Sends the AMQP header. @returns the first bytes of the answer; empty when the server closes without an answer; `undefined` when it cannot be reached or stays silent */
function firstBytes(host: string, port: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (answer?: Buffer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PATIENCE, () => finish());
    socket.on("connect", () => socket.write(HEADER));
    socket.on("data", (data: Buffer) => finish(data));
    socket.on("end", () => finish(Buffer.alloc(0)));
    socket.on("error", () => finish());
  });
}
