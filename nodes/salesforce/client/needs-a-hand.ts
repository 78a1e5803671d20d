import type { ErrorCode } from "../../common/errors";

/** Errors of an org that stay until someone changes the node or the org. */
export const NEEDS_A_HAND: ReadonlySet<ErrorCode> = new Set(["ORG_LOGIN_FAILED", "ORG_SESSION_INVALID", "ORG_OBJECT_UNKNOWN", "NOT_CONFIGURED", "DRIVER_MISSING"] as const);
