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

/** A class with `@RestResource`: it echoes `{ method, path, query, body }`, or fails. */
export interface ApexRestDeclaration {
  /** Behind `/services/apexrest`; a `*` at the end takes everything below. */
  path: string;
  /** Default GET and POST. */
  methods?: string[];
  /** An exception nobody caught: every call is 500 `APEX_ERROR` with this text. */
  exception?: string;
}

/** An invocable action: standard, or custom of a kind. */
export interface ActionDeclaration {
  kind: "standard" | "flow" | "apex" | "quickAction";
  name: string;
  /** Inputs that must be given. Default none. */
  required?: string[];
  /** What each call puts out. Default nothing. */
  outputs?: Record<string, unknown>;
}

/** What an admin or developer would have built in the org. */
export interface Declaration {
  reports?: ReportDeclaration[];
  apexRest?: ApexRestDeclaration[];
  actions?: ActionDeclaration[];
  /** Custom channels of platform or change events. */
  channels?: ChannelDeclaration[];
  /** CRM Analytics: assets by their label, datasets with rows. */
  analytics?: {
    folders?: { label: string }[];
    lenses?: { label: string }[];
    dashboards?: { label: string }[];
    templates?: { label: string }[];
    annotations?: { label: string }[];
    datasets?: { name: string; rows: Record<string, unknown>[] }[];
  };
  /** Account Engagement: its records by collection, for example `campaigns`; ids come by themselves. */
  accountEngagement?: Record<string, Record<string, unknown>[]>;
}

/** What has been declared, and what came of it. */
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

  /** Adds to what there is. @throws Error in plain words when it cannot be used */
  declare({ reports = [], apexRest = [], actions = [], channels = [], analytics = {}, accountEngagement = {} }: Declaration): void {
    for (const report of reports) this.reports.declare(report);
    this.apexRest.push(...apexRest);
    this.actions.push(...actions);
    for (const channel of channels) this.channels.declare(channel);
    this.analytics.declare(analytics);
    this.engagement.declare(accountEngagement);
  }
}
