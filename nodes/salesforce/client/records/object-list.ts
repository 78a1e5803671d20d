import type { OrgClient } from "../org";

/** ms that a list is kept. */
const KEPT = 600_000;

/** An object to choose from. */
export interface ObjectName {
  /** API name. */
  name: string;
  label: string;
}

const lists = new WeakMap<OrgClient, { until: number; objects: Promise<ObjectName[]> }>();

/** The objects of an org whose records can be read, sorted by name; `[]` while the org is not connected, as suggestions are no reason to sign in. */
export function objectNames(org: OrgClient): Promise<ObjectName[]> {
  const known = lists.get(org);
  if (known && known.until > Date.now()) return known.objects;
  if (org.state.kind !== "connected") return Promise.resolve([]);
  const objects = ask(org);
  lists.set(org, { until: Date.now() + KEPT, objects });
  objects.catch(() => lists.delete(org));
  return objects;
}

async function ask(org: OrgClient): Promise<ObjectName[]> {
  const { body } = await org.rest.request<{ sobjects: (ObjectName & { retrieveable?: boolean })[] }>({ method: "GET", path: "/sobjects", timeout: 10_000 });
  return body.sobjects
    .filter(({ retrieveable }) => retrieveable)
    .map(({ name, label }) => ({ name, label }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
