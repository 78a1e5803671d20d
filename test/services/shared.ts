import { MariaDb } from "./mariadb";
import { Postgres } from "./postgres";
import { RabbitMq } from "./rabbitmq";
import type { Service } from "./service";

/** Returns a function that starts a server once for all test files of a mocha run. */
function shared<S extends Service>(make: () => S): () => Promise<S> {
  let service: S | undefined;
  let starting: Promise<S> | undefined;
  return () => {
    service ??= make();
    const server = service;
    // if a test has killed the server and failed before it has restarted it, this must not make the other tests fail
    starting = (starting ?? Promise.resolve(server)).catch(() => server).then(() => server.start());
    return starting;
  };
}

const rabbit = shared(() => new RabbitMq());

/**
 * Returns the RabbitMQ of this run. The first call starts it. It always runs when this resolves, and has no queues of earlier suites, because hundreds of quorum queues cost
 * it time even at rest, and more when it starts. To be called once in a suite, before the suite declares queues.
 */
export async function sharedRabbit(): Promise<RabbitMq> {
  const server = await rabbit();
  await server.deleteQueues();
  return server;
}

/** Returns the PostgreSQL of this run. Suites must use different table names. */
export const sharedPostgres = shared(() => new Postgres());
/** Returns the MariaDB of this run. Suites must use different table names. */
export const sharedMariaDb = shared(() => new MariaDb());
