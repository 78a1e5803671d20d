/** Child relationships that a query selects, by their names in lower case, each with those within it. */
export type ChildLists = ReadonlyMap<string, ChildLists>;

/** A text, a bracket, or a word with its dots. */
const TOKEN = /'(?:\\.|[^'\\])*'|[()]|[\w.]+/gs;

/** A bracket that is open: a query for children, while its FROM has not come, or anything else. */
interface Open {
  lists?: Map<string, ChildLists>;
  isSelecting: boolean;
}

/** The lists of children that a SOQL query selects: the org gives null, as for a parent that is not there, where a record has none. */
export function childListsOf(soql: string): ChildLists {
  const top = new Map<string, ChildLists>();
  const query: Open = { lists: top, isSelecting: true };
  const stack = [query];
  const tokens = soql.match(TOKEN) ?? [];
  for (const [index, token] of tokens.entries()) {
    if (!query.isSelecting) break; // what follows is conditions
    const within = stack.at(-1);
    if (token === "(") {
      const isChild = within?.isSelecting === true && tokens[index + 1]?.toUpperCase() === "SELECT";
      stack.push(isChild ? { lists: new Map(), isSelecting: true } : { isSelecting: false });
    } else if (token === ")") stack.pop();
    else if (within?.isSelecting && token.toUpperCase() === "FROM") {
      within.isSelecting = false;
      const name = tokens[index + 1]?.split(".").at(-1)?.toLowerCase(); // behind an alias, if there is one
      if (name && within.lists) stack.at(-2)?.lists?.set(name, within.lists);
    }
  }
  return top;
}
