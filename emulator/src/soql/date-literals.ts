/** A span of time in ms since the epoch. The end does not belong to it. */
export interface Span {
  start: number;
  end: number;
}

type Unit = "DAY" | "WEEK" | "MONTH" | "QUARTER" | "YEAR";

/** Returns the start of the unit that contains `now`, moved by `count` units. In UTC; weeks start on Sunday. */
function startOf(unit: Unit, now: number, count: number): number {
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (unit) {
    case "DAY":
      return Date.UTC(year, month, day + count);
    case "WEEK":
      return Date.UTC(year, month, day - date.getUTCDay() + 7 * count);
    case "MONTH":
      return Date.UTC(year, month + count, 1);
    case "QUARTER":
      return Date.UTC(year, month - (month % 3) + 3 * count, 1);
    case "YEAR":
      return Date.UTC(year + count, 0, 1);
  }
}

const units = (unit: Unit, now: number, from: number, to: number): Span => ({
  start: startOf(unit, now, from),
  end: startOf(unit, now, to),
});

/**
 * Returns the span of a date literal (`TODAY`, `LAST_N_DAYS:7`, …) at this moment; `undefined` for unknown and for fiscal literals, since the emulator has no fiscal year.
 */
export function dateLiteralSpan(literal: string, now: number): Span | undefined {
  const span = spanOf(literal, now);
  // With a count of millions, the span is beyond the range of Date.
  return span && Number.isFinite(new Date(span.start).getTime()) && Number.isFinite(new Date(span.end).getTime()) ? span : undefined;
}

function spanOf(literal: string, now: number): Span | undefined {
  const [name = "", countText] = literal.toUpperCase().split(":");
  if (countText !== undefined) return countedSpan(name, Number(countText), now);
  if (name === "YESTERDAY") return units("DAY", now, -1, 0);
  if (name === "TODAY") return units("DAY", now, 0, 1);
  if (name === "TOMORROW") return units("DAY", now, 1, 2);
  if (name === "LAST_90_DAYS") return units("DAY", now, -90, 1);
  if (name === "NEXT_90_DAYS") return units("DAY", now, 1, 91);
  const match = /^(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR)$/.exec(name);
  if (!match) return undefined;
  const from = { LAST: -1, THIS: 0, NEXT: 1 }[match[1] as "LAST" | "THIS" | "NEXT"];
  return units(match[2] as Unit, now, from, from + 1);
}

function countedSpan(name: string, count: number, now: number): Span | undefined {
  const ago = /^N_(DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO$/.exec(name);
  if (ago) return units(ago[1] as Unit, now, -count, -count + 1);
  const match = /^(LAST|NEXT)_N_(DAY|WEEK|MONTH|QUARTER|YEAR)S$/.exec(name);
  if (!match) return undefined;
  const unit = match[2] as Unit;
  if (match[1] === "NEXT") return units(unit, now, 1, count + 1);
  // Days include today. Longer units are complete and end before the present one.
  return unit === "DAY" ? units(unit, now, -count, 1) : units(unit, now, -count, 0);
}
