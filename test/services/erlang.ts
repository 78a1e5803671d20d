import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

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
  const running = run("erl_call", ["-n", node, "-e"], { env, maxBuffer: 64 * 1024 * 1024 });
  running.child.stdin?.end(`base64:encode_to_string(rabbit_json:encode(${expression})).\n`);
  const { stdout } = await running;
  const [, encoded] = /^\{ok, "([^"]*)"\}/.exec(stdout) ?? [];
  if (encoded === undefined) throw new Error(`${expression}: ${stdout.trim()}`);
  return JSON.parse(Buffer.from(encoded, "base64").toString()) as T;
}
