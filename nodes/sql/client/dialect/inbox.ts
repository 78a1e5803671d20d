/** The statements that the inboxes of most products have in common. */
import type { InboxDialect, Statement } from "./dialect";

/** Finds and adds ids with plain SQL. */
export const standardInbox: Pick<InboxDialect, "known" | "add"> = {
  known: (table, owner, ids): Statement => ({
    sql: `select id from ${table} where node = ? and id in (${ids.map(() => "?").join(", ")})`,
    parameters: [owner, ...ids],
  }),
  add: (table, owner, ids): Statement => ({
    sql: `insert into ${table} (node, id) values ${ids.map(() => "(?, ?)").join(", ")}`,
    parameters: ids.flatMap((id) => [owner, id]),
  }),
};
