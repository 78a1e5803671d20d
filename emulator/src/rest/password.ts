import { ApiError } from "../api-error";
import type { Reply } from "../http";
import { resetPassword, setPassword, userOf } from "../records/passwords";
import { allow, type Call } from "./call";
import { jsonObject } from "./json-body";

/** Answers `/sobjects/User/{id}/password`: tells whether the password has expired, sets it, or resets it to a random one. */
export function password(call: Call, userId: string): Reply {
  allow(call, "GET", "POST", "DELETE");
  switch (call.request.method) {
    case "POST": {
      const { NewPassword: wanted } = jsonObject(call.request);
      if (typeof wanted !== "string") throw new ApiError("REQUIRED_FIELD_MISSING", "Required fields are missing: [NewPassword]", ["NewPassword"]);
      setPassword(call.org, userId, wanted);
      return { status: 204 };
    }
    case "DELETE":
      return { status: 200, json: { NewPassword: resetPassword(call.org, userId) } };
    default: {
      const user = userOf(call.org, userId);
      return { status: 200, json: { isExpired: /password/.test(call.org.userState(String(user["Username"]))) } };
    }
  }
}
