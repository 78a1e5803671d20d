import { ConnectorError } from "../../common/errors";
import type { Dialect, Statement } from "./dialect";
import { parameter } from "./dialect/values";
import type { NamedStatement, PlainValue } from "./protocol";

/** The statement as the driver takes it: `?` for each `:name`, and the parameters in order. @throws ConnectorError `INPUT_INVALID` when a name has no value */
export function bind({ sql, values }: NamedStatement, _dialect: Dialect): Statement {
  const parameters: Statement["parameters"] = [];
  const text = sql.replace(/(?<!:):([A-Za-z_]\w*)/g, (_marker, name: string) => {
    const value = values[name];
    if (value === undefined) throw new ConnectorError("INPUT_INVALID", `:${name} has no value`, { details: { name } });
    const list = (Array.isArray(value) ? value : [value]) as PlainValue[];
    parameters.push(...list.map((each) => parameter(each, (date) => date.toISOString())));
    return list.map(() => "?").join(", ");
  });
  return { sql: text, parameters };
}
