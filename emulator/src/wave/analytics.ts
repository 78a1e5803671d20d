import { formatDateTime } from "../dates";
import type { Declaration } from "../declared";
import type { Org } from "../org";

/** A lens, dashboard, folder, template or annotation. */
export interface Asset {
  id: string;
  name: string;
  label: string;
  createdDate: string;
  lastModifiedDate: string;
  /** All other properties, as a client has set them. */
  more: Record<string, unknown>;
}

/** A row of a dataset: values by column. */
export type DataRow = Record<string, string | number | null>;

/** A dataset, with the rows of its current version. */
export interface Dataset extends Asset {
  versionId: string;
  rows: DataRow[];
}

/** Prefixes of ids by kind of asset, from memory. */
const PREFIXES = { folders: "00l", lenses: "0FK", dashboards: "0FK", templates: "0Nk", annotations: "0EP" } as const;

/** A kind of asset: the name of its collection. */
export type AssetKind = keyof typeof PREFIXES;

/** The content of CRM Analytics: assets by kind and id, and datasets. */
export class Analytics {
  readonly assets: Record<AssetKind, Map<string, Asset>> = {
    folders: new Map(),
    lenses: new Map(),
    dashboards: new Map(),
    templates: new Map(),
    annotations: new Map(),
  };
  readonly datasets = new Map<string, Dataset>();

  constructor(private readonly org: Org) {
    this.add("folders", "Shared App");
  }

  declare({ datasets = [], ...assets }: NonNullable<Declaration["analytics"]>): void {
    for (const [kind, list] of Object.entries(assets)) for (const { label } of list ?? []) this.add(kind as AssetKind, label);
    for (const { name, rows } of datasets) this.setRows(name, name, rows as DataRow[]);
  }

  add(kind: AssetKind, label: string, more: Record<string, unknown> = {}): Asset {
    const asset = { ...this.fresh(PREFIXES[kind], label), more };
    this.assets[kind].set(asset.id, asset);
    return asset;
  }

  dataset(name: string): Dataset | undefined {
    return [...this.datasets.values()].find((dataset) => dataset.name.toLowerCase() === name.toLowerCase());
  }

  /** Gives the dataset with this name a new version with these rows. Creates it if there is none. */
  setRows(name: string, label: string, rows: DataRow[]): void {
    const versionId = this.org.store.ids.next("0Fc");
    const existing = this.dataset(name);
    if (existing) {
      Object.assign(existing, { versionId, rows, lastModifiedDate: this.now() });
      return;
    }
    const dataset: Dataset = { ...this.fresh("0Fb", label), name, more: {}, versionId, rows };
    this.datasets.set(dataset.id, dataset);
  }

  now(): string {
    return formatDateTime(this.org.now());
  }

  private fresh(prefix: string, label: string): Omit<Asset, "more"> {
    const now = this.now();
    return { id: this.org.store.ids.next(prefix), name: label.replace(/\W+/g, "_"), label, createdDate: now, lastModifiedDate: now };
  }
}
