/** Separates the cookies of a joined `Set-Cookie` header. The comma in `Expires=Wed, 21 Oct` does not match, as no `name=` follows it. */
const BETWEEN = /,\s*(?=[^;,=\s]+=)/;

/** The cookies of one streaming session. They tell which server of a cluster holds the session. Paths and domains are ignored, as all its calls go to one address. */
export class Cookies {
  private readonly values = new Map<string, string>();

  /** Keeps the cookies that an answer sets, and drops those that it deletes. @param headers the answer's, with names in lower case */
  note(headers: Record<string, string>): void {
    for (const cookie of (headers["set-cookie"] ?? "").split(BETWEEN)) {
      const [pair = "", ...attributes] = cookie.split(";");
      const equals = pair.indexOf("=");
      if (equals < 1) continue;
      const name = pair.slice(0, equals).trim();
      if (attributes.some(isOver)) this.values.delete(name);
      else this.values.set(name, pair.slice(equals + 1).trim());
    }
  }

  /** Headers for the next request: `{cookie}`, or none. */
  headers(): Record<string, string> {
    if (this.values.size === 0) return {};
    return { cookie: [...this.values].map(([name, value]) => `${name}=${value}`).join("; ") };
  }
}

function isOver(attribute: string): boolean {
  const [name = "", value = ""] = attribute.split("=", 2);
  if (/^\s*max-age\s*$/i.test(name)) return Number(value) <= 0;
  return /^\s*expires\s*$/i.test(name) && Date.parse(value) <= Date.now();
}
