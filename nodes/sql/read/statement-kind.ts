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

/** Whether a query stops after some rows, by the last words of its own or by `top`; what stands in brackets does not count. */
export function limitsRows(sql: string): boolean {
  let text = bare(sql);
  const top = /^select\s+(all\s+|distinct\s+)?top[\s(]+[\d:]/i.test(text);
  for (let outer = ""; outer !== text; ) {
    outer = text;
    text = outer.replace(/\([^()]*\)/g, " ");
  }
  const end = text.replace(/[\s;]+$/, "");
  return top || /\blimit\s+[\d:]\w*(\s*(,|offset)\s*[\d:]\w*)?$/i.test(end) || /\bfetch\s+(first|next)\b.*\bonly$/is.test(end);
}

function bare(sql: string): string {
  return sql.replace(COMMENT, " ").replace(STRING, " ").trim();
}
