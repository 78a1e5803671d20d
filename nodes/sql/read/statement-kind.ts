const COMMENT = /--[^\n]*|\/\*[\s\S]*?\*\//g;
const STRING = /'(?:[^']|'')*'/g;

/**
 * Whether a statement changes data and tells the rows (`update … returning`, `with … delete … returning`), rather than only read them. Such a
 * statement is done once: it cannot stand inside another, and must be read to its end.
 */
export function changesData(sql: string): boolean {
  const text = bare(sql);
  if (/^\(*\s*(select|values|table)\b/i.test(text)) return false;
  return !/^with\b/i.test(text) || /\b(insert\s+into|update\b[\s\S]*\bset|delete\s+from|merge\s+into)\b/i.test(text); // not `for update`
}

/** What may stand behind a limit. */
const LOCK = /\s(for\s+(update|share|no\s+key|key\s+share|read)\b.*|lock\s+in\s+share\s+mode)$/is;
const LIMITS = [/\blimit\s+[\d:]\w*(\s*(,|offset)\s*[\d:]\w*)?$/i, /\bfetch\s+(first|next)\b.*\b(only|with\s+ties)$/is, /\bselect\s+((all|distinct)\s+)?top\s+[\d:]/i];
const ROWNUM = /(?<!\.\s*)\brownum\s*<=?\s*[\d:]/i;
/** A column of the query's own, as `row_number() over (…) as rownum`: Oracle takes no such name. */
const OWN_ROWNUM = /(\bas|\))\s+"?rownum\b/i;

/** Whether a query stops after some rows, by the last words of its own, by `top` or by Oracle's `rownum`; what stands in brackets does not count. */
export function limitsRows(sql: string): boolean {
  let text = bare(sql);
  const isOwn = OWN_ROWNUM.test(text);
  for (let outer = ""; outer !== text; ) {
    outer = text;
    text = outer.replace(/\([^()]*\)/g, " 0 "); // a number may stand in some
  }
  const own = text.replace(/[\s;]+$/, "");
  const unlocked = own.replace(LOCK, "").trimEnd(); // PostgreSQL takes the two in any order
  return LIMITS.some((limit) => limit.test(own) || limit.test(unlocked)) || (!isOwn && ROWNUM.test(own));
}

function bare(sql: string): string {
  return sql.replace(COMMENT, " ").replace(STRING, " ").trim();
}
