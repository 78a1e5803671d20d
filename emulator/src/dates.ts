/** Writes a datetime as the REST API does: `2026-11-20T09:15:31.000+0000`. The form is always the same, so datetimes can be sorted as text. */
export function formatDateTime(epoch: number): string {
  return new Date(epoch).toISOString().replace("Z", "+0000");
}

const DATE_TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Converts a datetime from any form that Salesforce reads (`Z`, `+00:00`, `+0000`) to the form that it writes. `undefined` if the text is not a datetime. */
export function parseDateTime(text: string): string | undefined {
  const match = DATE_TIME.exec(text);
  // `Date.parse` reads 30 February as 2 March.
  if (!match || parseDate(match[1]!) === undefined) return undefined;
  const zone = match[3] === "Z" ? "Z" : match[3]!.replace(/^(.\d{2}):?/, "$1:");
  const epoch = Date.parse(`${match[1]}T${match[2]}${zone}`);
  return Number.isNaN(epoch) ? undefined : formatDateTime(epoch);
}

/** Reads a date `YYYY-MM-DD`. `undefined` if the text is not a date, or the calendar does not have it. */
export function parseDate(text: string): string | undefined {
  if (!DATE.test(text)) return undefined;
  const epoch = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(epoch) && new Date(epoch).toISOString().startsWith(text) ? text : undefined;
}
