import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How often a call is tried when the node cannot be reached. */
const TRIES = 5;

/** Number of characters of a piece of the answer. Erlang sends a string of more than 65,535 characters as a list of numbers. */
const PIECE = 60_000;

/** Returns an Erlang binary with the bytes of any text. */
export const binary = (text: string): string => `<<${[...Buffer.from(text)].join(",")}>>`;

/**
 * Evaluates an Erlang expression in a running node and returns the result, which RabbitMQ turns into JSON. So it can consist of maps, lists, numbers, atoms and binaries.
 * This takes some ms, while `rabbitmqctl` takes a second and a core.
 *
 * @param env the environment with which the node was started: HOME, where its cookie is, and the port of its port mapper
 * @throws Error with the message of Erlang
 */
export async function evaluate<T>(node: string, expression: string, env: NodeJS.ProcessEnv): Promise<T> {
  const stdout = await call(node, `${inPieces}(base64:encode(rabbit_json:encode(${expression}))).\n`, env);
  const [, pieces] = /^\{ok, \[([^[\]]*)\]\}/.exec(stdout) ?? [];
  if (pieces === undefined) throw new Error(`${expression}: ${stdout.slice(0, 2_000).trim()}`);
  return JSON.parse(Buffer.from(pieces.replaceAll(/[^\w+/=]/g, ""), "base64").toString()) as T;
}

/** Calls a node. A running node may be out of reach for a moment, because each call has a name of its own, which the port mapper may be slow to accept. */
async function call(node: string, code: string, env: NodeJS.ProcessEnv): Promise<string> {
  for (let left = TRIES; ; left -= 1) {
    const running = run("erl_call", ["-n", node, "-e"], { env, maxBuffer: 64 * 1024 * 1024 });
    running.child.stdin?.on("error", () => undefined); // the process has ended before it has read, as when the node is down; the promise reports it
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
