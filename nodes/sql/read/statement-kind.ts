const COMMENT = /--[^\n]*|\/\*[\s\S]*?\*\//g;
const STRING = /'(?:[^']|'')*'/g;

/**
 * Whether a statement changes data and tells the rows (`update … returning`, `with … delete … returning`), rather than only read them. Such a
 * statement is done once: it cannot stand inside another, and must be read to its end.
 */
export function changesData(sql: string): boolean {
  const text = sql.replace(COMMENT, " ").replace(STRING, " ").trimStart();
  if (/^\(*\s*(select|values|table)\b/i.test(text)) return false;
  return !/^with\b/i.test(text) || /\b(insert\s+into|update\b[\s\S]*\bset|delete\s+from|merge\s+into)\b/i.test(text); // not `for update`
}
