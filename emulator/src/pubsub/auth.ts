import type { Metadata } from "@grpc/grpc-js";
import { parseId } from "../ids";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import { RpcError } from "./rpc-error";

/** Returns the session of an RPC, by its headers `accesstoken`, `instanceurl` and `tenantid`. @throws RpcError */
export function authorise(org: Org, metadata: Metadata): Session {
  const header = (name: string): string => String(metadata.get(name)[0] ?? "");
  const isUrl = /^https?:\/\/[^/]/.test(header("instanceurl"));
  if (!isUrl || parseId(header("tenantid")) !== org.id || header("accesstoken") === "") throw RpcError.of("service.auth.headers.invalid");
  const session = org.sessions.findOpaque(header("accesstoken"));
  if (!session) throw RpcError.of("service.auth.error");
  return session;
}
