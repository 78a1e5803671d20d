import { CustomChannels, type ChannelDeclaration } from "./events/custom-channels";
import { Engagement } from "./engagement/engagement";
import type { Org } from "./org";
import { Reports } from "./rest/reports";
import { Analytics } from "./wave/analytics";

/** A tabular report over the records of one object. */
export interface ReportDeclaration {
  name: string;
  object: string;
  /** Fields of the object, in order. */
  columns: string[];
}

/** An Apex class with `@RestResource`. It echoes `{ method, path, query, body }`, or fails. */
export interface ApexRestDeclaration {
  /** The path after `/services/apexrest`. A `*` at the end matches everything below. */
  path: string;
  /** Default GET and POST. */
  methods?: string[];
  /** The text of an uncaught exception. If it is set, every call fails with 500 `APEX_ERROR` and this text. */
  exception?: string;
}

/** An invocable action: a standard one, or a custom one of some kind. */
export interface ActionDeclaration {
  kind: "standard" | "flow" | "apex" | "quickAction";
  name: string;
  /** Names of the required inputs. Default: none. */
  required?: string[];
  /** The outputs of each call. Default: none. */
  outputs?: Record<string, unknown>;
}

/** Things that an admin or developer would build in the org. */
export interface Declaration {
  reports?: ReportDeclaration[];
  apexRest?: ApexRestDeclaration[];
  actions?: ActionDeclaration[];
  /** Custom channels of platform or change events. */
  channels?: ChannelDeclaration[];
  /** CRM Analytics: assets by label, and datasets with rows. */
  analytics?: {
    folders?: { label: string }[];
    lenses?: { label: string }[];
    dashboards?: { label: string }[];
    templates?: { label: string }[];
    annotations?: { label: string }[];
    datasets?: { name: string; rows: Record<string, unknown>[] }[];
  };
  /** Account Engagement: records by collection, for example `campaigns`. Ids are added. */
  accountEngagement?: Record<string, Record<string, unknown>[]>;
}

/** Everything that has been declared, and the parts of the org made from it. */
export class Declared {
  readonly reports: Reports;
  readonly analytics: Analytics;
  readonly engagement = new Engagement();
  readonly channels: CustomChannels;
  readonly actions: ActionDeclaration[] = [];
  readonly apexRest: ApexRestDeclaration[] = [];

  constructor(org: Org) {
    this.reports = new Reports(org);
    this.analytics = new Analytics(org);
    this.channels = new CustomChannels(org);
  }

  /** Adds declarations to those made before. @throws Error in plain words for one that cannot be used */
  declare({ reports = [], apexRest = [], actions = [], channels = [], analytics = {}, accountEngagement = {} }: Declaration): void {
    for (const report of reports) this.reports.declare(report);
    this.apexRest.push(...apexRest);
    this.actions.push(...actions);
    for (const channel of channels) this.channels.declare(channel);
    this.analytics.declare(analytics);
    this.engagement.declare(accountEngagement);
  }
}
