import { MariaDb } from "./mariadb";
import { Postgres } from "./postgres";
import { RabbitMq } from "./rabbitmq";
import type { Service } from "./service";

/** One server of a kind for all test files of a mocha run. */
function shared<S extends Service>(make: () => S): () => Promise<S> {
  let service: S | undefined;
  let starting: Promise<S> | undefined;
  return () => {
    service ??= make();
    const server = service;
    // a test that killed the server and failed before it started it again must not take the others with it
    starting = (starting ?? Promise.resolve(server)).catch(() => server).then(() => server.start());
    return starting;
  };
}

const rabbit = shared(() => new RabbitMq());

/**
 * The run's RabbitMQ, started by the first who asks; always up when this resolves, and without the queues of the suites before: hundreds of
 * quorum queues cost it time at rest, and more when it starts. To be asked once a suite, before it makes queues of its own.
 */
export async function sharedRabbit(): Promise<RabbitMq> {
  const server = await rabbit();
  await server.deleteQueues();
  return server;
}

/** The run's PostgreSQL. Use table names of your own. */
export const sharedPostgres = shared(() => new Postgres());
/** The run's MariaDB. Use table names of your own. */
export const sharedMariaDb = shared(() => new MariaDb());
