import type { RestClient } from "../rest";

/** ms that a description is kept. A field that an admin adds is read after that. */
const KEPT = 600_000;
/** How many objects are remembered. */
const MAX_KEPT = 100;

interface Known {
  until: number;
  fields: Promise<string[]>;
}

/** The fields of an org's objects. Asks the org for an object's fields once in ten minutes. */
export class Describes {
  private readonly known = new Map<string, Known>();

  constructor(private readonly rest: Pick<RestClient, "request">) {}

  /** API names of all readable fields of an object. @throws ConnectorError `ORG_OBJECT_UNKNOWN` when the org has no such object */
  fieldsOf(object: string): Promise<string[]> {
    const name = object.toLowerCase();
    const known = this.known.get(name);
    if (known && known.until > performance.now()) return known.fields;
    const fields = this.ask(object);
    this.known.set(name, { until: performance.now() + KEPT, fields });
    if (this.known.size > MAX_KEPT) this.known.delete(this.known.keys().next().value as string);
    fields.catch(() => this.known.delete(name));
    return fields;
  }

  /** Forgets an object that has changed, so that it is described anew. */
  forget(object: string): void {
    this.known.delete(object.toLowerCase());
  }

  private async ask(object: string): Promise<string[]> {
    const { body } = await this.rest.request<{ fields?: { name: string }[] }>({ method: "GET", path: `/sobjects/${encodeURIComponent(object)}/describe` });
    return (body.fields ?? []).map(({ name }) => name);
  }
}
