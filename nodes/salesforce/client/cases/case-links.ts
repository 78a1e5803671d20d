import { ConnectorError } from "../../../common/errors";
import type { CaseItem, CaseWork } from "./case-item";
import { type Found, RecordFinder } from "./record-finder";
import { hasField } from "../records/collections";
import type { SelectIn } from "../query/select-in";

/** How a contact or an account is looked up. */
export interface LookUp {
  /** API name of the field that is compared. */
  field: string;
  /** When no record, or more than one, is found: `leave` stores the case without the link, `error` fails the message. */
  missing: "leave" | "error";
}

/** The look-ups that the node's settings turn on. */
export interface CaseLinkOptions {
  contact?: LookUp;
  account?: LookUp;
}

/** One kind of record that a case points to. */
interface Link {
  /** The field of the case that gets the record's id. */
  field: string;
  finder: RecordFinder;
  /** The value to look for; `undefined` if there is nothing to look for. */
  valueOf: (item: CaseItem) => string | number | undefined;
  missing: "leave" | "error";
  /** Names the record and the value, for errors. */
  words: (value: string | number) => string;
}

/** The optional properties of a {@link Link}. */
interface LinkMore {
  where?: string;
  /** Default `error`. */
  missing?: Link["missing"];
  words?: Link["words"];
}

const ID = /^[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?$/;
/** Whether a text is a record id with one of the prefixes. Without the prefix, a developer name of 15 letters would be taken for an id. */
const isId = (text: string | undefined, prefix: RegExp): boolean => text !== undefined && ID.test(text) && prefix.test(text);

/** Status codes with which the org refuses a case because a linked record is gone or a user is no longer active. */
const GONE = new Set(["INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "INACTIVE_OWNER_OR_USER"]);

/** Finds the records that cases point to: owner, record type, contact, account. It sends one query per kind for all cases of a batch, and none for known records. */
export class CaseLinks {
  private readonly links: Link[];

  constructor(select: SelectIn, { contact, account }: CaseLinkOptions = {}) {
    const link = (field: string, object: string, by: string, valueOf: Link["valueOf"], more: LinkMore): Link => ({
      field,
      finder: new RecordFinder(select, { object, field: by, where: more.where }),
      valueOf,
      missing: more.missing ?? "error",
      words: more.words ?? ((value) => `${object} with ${by} "${value}"`),
    });
    const isQueue = (owner = ""): boolean => owner !== "" && !owner.includes("@") && !isId(owner, /^00[5G]/);
    this.links = [
      link("OwnerId", "Group", "DeveloperName", ({ owner }) => (isQueue(owner) ? owner : undefined), {
        where: "Type = 'Queue'",
        words: (value) => `queue "${value}"`,
      }),
      link("OwnerId", "User", "Username", ({ owner }) => (owner?.includes("@") ? owner : undefined), {
        where: "IsActive = true",
        words: (value) => `active user "${value}"`,
      }),
      link("RecordTypeId", "RecordType", "DeveloperName", ({ recordType }) => (recordType && !isId(recordType, /^012/) ? recordType : undefined), {
        where: "SobjectType = 'Case' AND IsActive = true",
        words: (value) => `active record type "${value}" of cases`,
      }),
      ...(contact ? [link("ContactId", "Contact", contact.field, (item) => item.contact, contact)] : []),
      ...(account ? [link("AccountId", "Account", account.field, (item) => item.account, account)] : []),
    ];
  }

  /** Sets the `links` of each case, or its `error`. @throws ConnectorError when a query failed, which concerns all cases */
  async resolve(works: readonly CaseWork[]): Promise<void> {
    for (const { item, links } of works) {
      if (item.owner && isId(item.owner, /^00[5G]/)) links["OwnerId"] = item.owner;
      if (item.recordType && isId(item.recordType, /^012/)) links["RecordTypeId"] = item.recordType;
    }
    await Promise.all(this.links.map((link) => this.resolveOne(link, works)));
  }

  /**
   * Whether a case was refused because a record that was looked up is no longer there. If so, the records found for the case are forgotten, and the case should be tried
   * again. True only once per case.
   */
  relink(work: CaseWork, error: ConnectorError): boolean {
    if (work.relinked || Object.keys(work.links).length === 0 || !GONE.has(String(error.details.statusCode))) return false;
    for (const { finder, valueOf } of this.links) {
      const value = valueOf(work.item);
      if (value !== undefined) finder.forget(value);
    }
    work.relinked = true;
    work.links = {};
    return true;
  }

  private async resolveOne(link: Link, works: readonly CaseWork[]): Promise<void> {
    const wanted = works.flatMap((work) => {
      const value = hasField(work.item.fields, link.field) ? undefined : link.valueOf(work.item);
      return value === undefined || String(value).trim() === "" ? [] : [{ work, value }];
    });
    if (wanted.length === 0) return;
    const found = await link.finder.find(wanted.map(({ value }) => value));
    for (const { work, value } of wanted) {
      const one = found.get(RecordFinder.textOf(value));
      if (typeof one === "object") work.links[link.field] = one.id;
      else if (link.missing === "error") work.error ??= missing(link.words(value), one);
    }
  }
}

/** The error for a missing or ambiguous record. The message may be tried again, since the record may be created later. */
function missing(what: string, found: Found): ConnectorError {
  return new ConnectorError("RECORD_MISSING", found === "several" ? `There is more than one ${what} in the org` : `There is no ${what} in the org`);
}
