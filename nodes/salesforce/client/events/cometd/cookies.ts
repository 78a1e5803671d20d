/** Between two cookies of a joined `Set-Cookie`; the comma in `Expires=Wed, 21 Oct` is followed by no name. */
const BETWEEN = /,\s*(?=[^;,=\s]+=)/;

/** The cookies of one streaming session. All its calls go to one address, so paths and domains need no look; which of a cluster's servers has the session stands in them. */
export class Cookies {
  private readonly values = new Map<string, string>();

  /** Keeps what an answer sets, and forgets what it takes back. */
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

  /** For the next request: `{cookie}`, or nothing. */
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
