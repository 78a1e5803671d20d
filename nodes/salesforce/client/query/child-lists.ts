/** The child relationships that a query selects, by name in lower case, each with its own child relationships. */
export type ChildLists = ReadonlyMap<string, ChildLists>;

/** A quoted text, a bracket, or a word that may contain dots. */
const TOKEN = /'(?:\\.|[^'\\])*'|[()]|[\w.]+/gs;

/** An open bracket. `lists` is set if it holds a query for children; `isSelecting` is true until the FROM of that query. */
interface Open {
  lists?: Map<string, ChildLists>;
  isSelecting: boolean;
}

/** Returns the child relationships that a SOQL query selects. They must be known because the org returns `null` for a record without children, as it does for a missing parent. */
export function childListsOf(soql: string): ChildLists {
  const top = new Map<string, ChildLists>();
  const query: Open = { lists: top, isSelecting: true };
  const stack = [query];
  const tokens = soql.match(TOKEN) ?? [];
  for (const [index, token] of tokens.entries()) {
    if (!query.isSelecting) break; // only conditions follow
    const within = stack.at(-1);
    if (token === "(") {
      const isChild = within?.isSelecting === true && tokens[index + 1]?.toUpperCase() === "SELECT";
      stack.push(isChild ? { lists: new Map(), isSelecting: true } : { isSelecting: false });
    } else if (token === ")") stack.pop();
    else if (within?.isSelecting && token.toUpperCase() === "FROM") {
      within.isSelecting = false;
      const name = tokens[index + 1]?.split(".").at(-1)?.toLowerCase(); // the last part, since there may be an alias before it
      if (name && within.lists) stack.at(-2)?.lists?.set(name, within.lists);
    }
  }
  return top;
}
