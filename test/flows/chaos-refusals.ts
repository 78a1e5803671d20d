import { pause } from "../services/wait";
import { binary } from "../services/erlang";
import type { Fault } from "./chaos-faults";
import type { ChaosWorld } from "./chaos-world";

const TAKING = "kept, once, fetched, redriven, asked, stream, settled, gathered, bound, caught";
const END_SESSIONS = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'flow'";

/** What those do who look after the systems: these are up, and say no. */
export function refusalsOf({ mariaDb, org, postgres, rabbit }: ChaosWorld): Fault[] {
  const faults: Fault[] = [];
  const add = (at: string, what: string, begin: () => Promise<unknown>, end: () => Promise<unknown>, most = 15): void => {
    const strike = async (random: () => number): Promise<void> => {
      try {
        await begin();
        await pause(1_000 * (2 + random() * (most - 2)));
      } finally {
        await insist(end); // it may have begun although its answer was lost
      }
    };
    faults.push({ name: `${at}: ${what}`, at, strike });
  };

  const full = (pattern: string): Promise<unknown> => rabbit.evaluate(`rabbit_policy:set(<<"/">>, <<"full">>, ${binary(pattern)}, [{<<"max-length">>, 2}, {<<"overflow">>, <<"reject-publish">>}], 9, <<"queues">>, <<"test">>)`);
  const roomy = (): Promise<unknown> => rabbit.evaluate(`rabbit_policy:delete(<<"/">>, <<"full">>, <<"test">>)`);
  // quorum queues only: a classic one that has more drops it as such a policy comes, for it reads the length before the overflow
  for (const [what, pattern] of Object.entries({ "queues that are sent to": "^(joined|found|polled|claimed|events|changes|copied|refiled|answering|centre|answers)$", "dead letters": "[.]dlq$", "delay queues": "[.]retry[.]" })) {
    add("broker", `full: ${what}`, () => full(pattern), roomy);
  }
  const permit = (configure: string, write: string, read: string) => (): Promise<unknown> => rabbit.permit("flow", [configure, write, read]);
  const all = permit(".*", ".*", ".*");
  add("broker", "nothing allowed", permit("^$", "^$", "^$"), all);
  add("broker", "no writing", permit(".*", "^$", ".*"), all);
  add("broker", "no reading", permit(".*", ".*", "^$"), all);
  const password = (text: string): Promise<unknown> => rabbit.evaluate(`rabbit_auth_backend_internal:change_password(<<"flow">>, ${binary(text)}, <<"test">>)`);
  add("broker", "password changed", async () => (await password("other"), await rabbit.closeConnections()), () => password("flow"), 6);

  const sql = (text: string) => (): Promise<unknown> => postgres.query(text);
  add("database", "password changed", sql(`alter role flow password 'other'; ${END_SESSIONS}`), sql("alter role flow password 'flow'"), 6);
  add("database", "no connection left", sql(`alter role flow connection limit 1; ${END_SESSIONS}`), sql("alter role flow connection limit -1"));
  add("database", "read-only", sql(`alter role flow set default_transaction_read_only = on; ${END_SESSIONS}`), sql("alter role flow reset default_transaction_read_only"));
  add("database", "a right taken", sql(`revoke insert, update on ${TAKING} from flow`), sql(`grant insert, update on ${TAKING} to flow`));
  add("database", "tables renamed", sql("alter table once rename to once_away; alter table polled rename to polled_away; alter table gathered rename to gathered_away"), sql("alter table once_away rename to once; alter table polled_away rename to polled; alter table gathered_away rename to gathered"));
  add("database", "a column renamed", sql("alter table kept rename column name to title; alter table stock rename column name to title"), sql("alter table kept rename column title to name; alter table stock rename column title to name"));
  add("database", "a check that fails", sql("alter table settled add constraint none check (false) not valid"), sql("alter table settled drop constraint none"), 4);

  const other = (text: string) => (): Promise<unknown> => mariaDb.query(text);
  add("other database", "read-only", other("set global read_only = 1"), other("set global read_only = 0"));
  add("other database", "user locked", other("alter user flow@'127.0.0.1' account lock; kill user flow@'127.0.0.1'"), other("alter user flow@'127.0.0.1' account unlock"), 6);
  add("other database", "table locked", other("lock tables elsewhere write, polled write; do sleep(6)"), () => Promise.resolve(), 3);
  add("other database", "table renamed", other("rename table elsewhere to elsewhere_away"), other("rename table elsewhere_away to elsewhere"));

  const user = (state: "inactive" | "password-expired" | "active") => async (): Promise<void> => {
    org.control.setUser({ username: "integration@surewire.example", state });
    org.control.expireTokens();
  };
  for (const state of ["inactive", "password-expired"] as const) add("org", `user ${state}`, user(state), user("active"), 6);
  add("org", "too many logins", async () => (org.control.exceedLoginRate(), org.control.expireTokens()), async () => org.control.clearFaults(), 6);
  return faults;
}

/** A change is taken back at last, also where the system is just starting again. */
async function insist(end: () => Promise<unknown>): Promise<void> {
  for (let left = 20; ; left -= 1) {
    try {
      return void (await end());
    } catch (error) {
      if (left === 0) throw error;
      await pause(500);
    }
  }
}
