import { BoundedMap } from "../../../common/bounded-map";
import type { RestClient } from "../rest";

/** ms that a description is kept. A field that an admin adds is read after that. */
const KEPT = 600_000;
/** How many objects are remembered. */
const MAX_KEPT = 100;

/** What an org says of a field. */
export interface DescribedField {
  /** API name, as the org spells it. */
  name: string;
  /** Name of the way to the record that it points to (`Account`, `Device__r`); absent or null for a field that points to none. */
  relationshipName?: string | null;
  /** API names of the objects that it may point to. */
  referenceTo?: string[];
}

interface Known {
  until: number;
  fields: Promise<DescribedField[]>;
}

/** The fields of an org's objects. Asks the org for an object's fields once in ten minutes. */
export class Describes {
  private readonly known = new BoundedMap<string, Known>(MAX_KEPT);

  constructor(private readonly rest: Pick<RestClient, "request">) {}

  /** All readable fields of an object. @throws ConnectorError `ORG_OBJECT_UNKNOWN` when the org has no such object */
  fieldsOf(object: string): Promise<DescribedField[]> {
    const name = object.toLowerCase();
    const known = this.known.get(name);
    if (known && known.until > performance.now()) return known.fields;
    const fields = this.ask(object);
    this.known.set(name, { until: performance.now() + KEPT, fields });
    fields.catch(() => this.known.delete(name));
    return fields;
  }

  /** Forgets an object that has changed, so that it is described anew. */
  forget(object: string): void {
    this.known.delete(object.toLowerCase());
  }

  private async ask(object: string): Promise<DescribedField[]> {
    const { body } = await this.rest.request<{ fields?: DescribedField[] }>({ method: "GET", path: `/sobjects/${encodeURIComponent(object)}/describe` });
    return (body.fields ?? []).map(({ name, relationshipName, referenceTo }) => ({ name, relationshipName, referenceTo })); // the rest is large
  }
}
