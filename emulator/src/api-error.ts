/** One item of a Salesforce error body. */
export interface ErrorItem {
  errorCode: string;
  message: string;
  /** Names of the fields at fault. Left out of the body if undefined. */
  fields?: string[];
  /** The result of a duplicate rule. */
  duplicateResult?: unknown;
}

/** HTTP status by error code. All other codes have 400. */
const STATUS_BY_CODE: ReadonlyMap<string, number> = new Map(Object.entries({
  INVALID_SESSION_ID: 401,
  INVALID_AUTH_HEADER: 401,
  REQUEST_LIMIT_EXCEEDED: 403,
  API_DISABLED_FOR_ORG: 403,
  INSUFFICIENT_ACCESS_OR_READONLY: 403,
  FUNCTIONALITY_NOT_ENABLED: 403,
  NOT_FOUND: 404,
  ENTITY_IS_DELETED: 404,
  METHOD_NOT_ALLOWED: 405,
  UNSUPPORTED_API_VERSION: 410,
  UNSUPPORTED_MEDIA_TYPE: 415,
  UNKNOWN_EXCEPTION: 500,
  SERVER_UNAVAILABLE: 503,
}));

/** A refusal in the form of the REST API: an HTTP status and an array of error items. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly items: ErrorItem[];

  /**
   * @param errorCode a Salesforce status code, for example `INVALID_FIELD`
   * @param message the text that Salesforce returns
   * @param fields names of the fields at fault, if any
   * @param status HTTP status. Default: the one of the code, else 400.
   */
  constructor(errorCode: string, message: string, fields?: string[], status?: number) {
    super(`${errorCode}: ${message}`);
    this.items = [fields === undefined ? { errorCode, message } : { errorCode, message, fields }];
    this.status = status ?? STATUS_BY_CODE.get(errorCode) ?? 400;
  }

  /** Adds properties to the error item. */
  with(more: Pick<ErrorItem, "duplicateResult">): this {
    Object.assign(this.items[0]!, more);
    return this;
  }

  /** The same error as `errors` of a SaveResult, where the key is `statusCode`. */
  get saveErrors(): { statusCode: string; message: string; fields: string[] }[] {
    return this.items.map(({ errorCode, message, fields, ...more }) => ({ statusCode: errorCode, message, fields: fields ?? [], ...more }));
  }
}

/** Returns the error for a path or object that does not exist. */
export const notFound = (): ApiError => new ApiError("NOT_FOUND", "The requested resource does not exist");
