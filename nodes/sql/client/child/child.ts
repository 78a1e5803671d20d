/**
 * The process in which a database's driver runs. ODBC drivers can freeze or abort their process (npm odbc holds a process-wide lock while
 * it connects, and its destructors wait for it on the main thread). Node-RED is not harmed by that here: it starts another child.
 */
import { toConnectorError } from "../../../common/errors";
import { atWorkFor } from "./at-work-for";
import { ChildSession } from "./child-session";
import { type ExecuteRequest, type OpenOptions, type Purpose, type ReadRequest, type Reply, type Request, toData, type WriteRequest } from "../protocol";

/** ms between two signs of life that the parent gets while it waits for answers. */
const ALIVE_INTERVAL = 1000;

let session: ChildSession | undefined;
/** Why there is no session. */
let refused: unknown = new Error("not open");
let atWork = 0;
let beat: NodeJS.Timeout | undefined;
/** Id of the request whose statement began last. */
let begun = 0;

function reply(message: Reply): void {
  if (process.connected) process.send?.(message);
}

async function serve({ operation, argument }: Request): Promise<unknown> {
  if (operation === "open") {
    try {
      session = new ChildSession(argument as OpenOptions, stuck);
    } catch (error) {
      refused = error;
      throw error;
    }
    return null;
  }
  if (operation === "close") return session?.close();
  if (!session) throw refused;
  switch (operation) {
    case "ping":
      return session.ping(argument as { purpose?: Purpose });
    case "write":
      return session.write(argument as WriteRequest);
    case "execute":
      return session.execute(argument as ExecuteRequest);
    case "openCursor":
      return session.openCursor(argument as ReadRequest);
    case "fetch":
      return session.fetch((argument as { cursor: number }).cursor);
    case "closeCursor":
      return session.closeCursor((argument as { cursor: number }).cursor);
  }
}

/** Kills this process. `process.exit` would wait for threads that hang in the driver, and meanwhile all other connections and their transactions would stay open. */
function end(): void {
  process.kill(process.pid, "SIGKILL");
}

function stuck(reason: string): void {
  process.stderr.write(`${reason}\n`, end);
}

/** Tells the parent that a statement of this request begins, since nothing can be sent while it runs. Not told where there is only one request, since the parent knows which it is. */
function begins(id: number): void {
  if (atWork > 1 && begun !== id) reply({ begins: id });
  begun = id;
}

process.on("message", (request: Request) => {
  atWork += 1;
  beat ??= setInterval(() => reply({ alive: true }), ALIVE_INTERVAL);
  atWorkFor
    .run(() => begins(request.id), () => serve(request))
    .then(
      (answer) => reply({ id: request.id, answer: answer ?? null }),
      (error: unknown) => reply({ id: request.id, error: toData(toConnectorError(error, "DATABASE_UNAVAILABLE")) }),
    )
    .finally(() => {
      atWork -= 1;
      if (atWork > 0) return;
      clearInterval(beat);
      beat = undefined;
      if (session?.worn) process.disconnect(); // "disconnect" below ends the process; the parent starts another when it needs one
    });
});

// the parent has closed us, or was killed itself while statements were at work
process.on("disconnect", end);
// Ctrl-C and service managers signal the whole group of processes: we go on, since the parent still stores what it holds, and closes us then
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
