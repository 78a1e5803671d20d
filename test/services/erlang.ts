import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How often a node that cannot be reached is called. */
const TRIES = 5;

/** Characters of a piece of the answer: beyond 65,535 Erlang sends a string as a list of numbers. */
const PIECE = 60_000;

/** Bytes as Erlang writes a binary, whatever is in them. */
export const binary = (text: string): string => `<<${[...Buffer.from(text)].join(",")}>>`;

/**
 * Evaluates an Erlang expression in a running node and gives what it comes to, by way of RabbitMQ's own JSON (so: maps, lists, numbers,
 * atoms, binaries). It takes some ms, where `rabbitmqctl` takes a second and a core.
 *
 * @param env that the node was started with: HOME, where its cookie lies, and the port of its port mapper
 * @throws Error with what Erlang says
 */
export async function evaluate<T>(node: string, expression: string, env: NodeJS.ProcessEnv): Promise<T> {
  const stdout = await call(node, `${inPieces}(base64:encode(rabbit_json:encode(${expression}))).\n`, env);
  const [, pieces] = /^\{ok, \[([^[\]]*)\]\}/.exec(stdout) ?? [];
  if (pieces === undefined) throw new Error(`${expression}: ${stdout.slice(0, 2_000).trim()}`);
  return JSON.parse(Buffer.from(pieces.replaceAll(/[^\w+/=]/g, ""), "base64").toString()) as T;
}

/** A node that is up may still be out of reach for a moment: whoever calls has a name of its own, and the port mapper may be slow to take it. */
async function call(node: string, code: string, env: NodeJS.ProcessEnv): Promise<string> {
  for (let left = TRIES; ; left -= 1) {
    const running = run("erl_call", ["-n", node, "-e"], { env, maxBuffer: 64 * 1024 * 1024 });
    running.child.stdin?.on("error", () => undefined); // it ended before it read, as it does when the node is down: the promise tells
    running.child.stdin?.end(code);
    try {
      return (await running).stdout;
    } catch (error) {
      if (left === 1 || !/failed to connect to node/.test(String(error))) throw error;
      await setTimeout(200);
    }
  }
}

const inPieces = `(fun (Text) ->
  [binary:bin_to_list(Text, At, min(${PIECE}, byte_size(Text) - At)) || At <- lists:seq(0, byte_size(Text) - 1, ${PIECE})]
end)`;
