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

/** The run's RabbitMQ, started by the first who asks; always up when this resolves. Use queue names of your own. */
export const sharedRabbit = shared(() => new RabbitMq());
/** The run's PostgreSQL. Use table names of your own. */
export const sharedPostgres = shared(() => new Postgres());
/** The run's MariaDB. Use table names of your own. */
export const sharedMariaDb = shared(() => new MariaDb());
