import { ApiError } from "../api-error";
import { formatDateTime } from "../dates";
import { parseId } from "../ids";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import { compileCondition, type Predicate } from "../soql/condition";
import type { Row } from "../store/table";

/** A rule that gives cases an owner. */
export interface AssignmentRuleDefinition {
  name: string;
  /** An org has only one active rule: adding an active one deactivates all others. Default true. */
  active?: boolean;
  /** The first entry whose condition is true decides. If there is none, the owner stays. */
  entries: {
    /** A SOQL condition on the case. Default: true for all cases. */
    condition?: string;
    /** Id of a user, or of a queue that takes cases. */
    assignedTo: string;
  }[];
}

interface Entry {
  holds: Predicate;
  assignedTo: string;
}

/** The Case assignment rules of an org. */
export class AssignmentRules {
  private readonly entries = new Map<string, Entry[]>();

  constructor(private readonly org: Org) {}

  /** Adds a rule. @returns its id */
  add({ name, active = true, entries }: AssignmentRuleDefinition): string {
    const object = this.org.schema.object("Case")!;
    const compiled = entries.map(({ condition, assignedTo }): Entry => {
      const owner = parseId(assignedTo);
      if (owner === undefined || !this.org.store.get(owner)) throw new Error(`assignedTo is the id of no user or queue: ${assignedTo}`);
      return { holds: condition === undefined ? () => true : compileCondition(this.org, object, condition), assignedTo: owner };
    });
    const table = this.org.store.table(this.org.schema.object("AssignmentRule")!);
    if (active) for (const row of table.all()) row["Active"] = false;
    const id = this.org.store.ids.next("01Q");
    const now = formatDateTime(this.org.now());
    const system = { CreatedDate: now, LastModifiedDate: now, SystemModstamp: now };
    table.insert({ Id: id, IsDeleted: false, Name: name, SobjectType: "Case", Active: active, ...system });
    this.entries.set(id, compiled);
    return id;
  }

  /**
   * Returns the owner that a rule gives to a record when it is written; `undefined` if no rule gives it one.
   *
   * @param autoAssign `Sforce-Auto-Assign`: `TRUE` for the active rule, `FALSE`, or the id of a rule, active or not
   */
  ownerOf(object: ObjectSchema, row: Row, autoAssign: string): string | undefined {
    if (object.name !== "Case" || /^false$/i.test(autoAssign)) return undefined;
    const entries = /^true$/i.test(autoAssign) ? this.activeEntries() : this.entries.get(parseId(autoAssign) ?? "");
    if (!entries) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", `invalid cross reference id: no assignment rule ${autoAssign}`, []);
    return entries.find(({ holds }) => holds(row))?.assignedTo;
  }

  clear(): void {
    this.entries.clear();
  }

  private activeEntries(): Entry[] {
    if (this.entries.size === 0) return [];
    for (const row of this.org.store.table(this.org.schema.object("AssignmentRule")!).all()) {
      if (row["Active"] === true) return this.entries.get(row.Id) ?? [];
    }
    return [];
  }
}
