import { ApiError } from "../api-error";
import { parseId } from "../ids";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";
import { compileCondition, type Predicate } from "../soql/condition";
import type { Row } from "../store/table";
import type { Writer } from "./writer";

/** An approval process of one step. */
export interface ApprovalDefinition {
  object: string;
  /** API name. */
  name: string;
  description?: string;
  /** Entry criteria: a SOQL condition. Default: all records enter. */
  condition?: string;
  /** Id of the user who approves. Default: the submitter. */
  approverId?: string;
  /** Fields that are set when a record is approved, or rejected. */
  onApprove?: Record<string, Scalar>;
  onReject?: Record<string, Scalar>;
}

/** An approval process of the org. */
export interface ApprovalProcess extends ApprovalDefinition {
  id: string;
  enters: Predicate;
}

/** A request of `/process/approvals`. */
export interface ApprovalRequest {
  actionType?: string;
  contextId?: string;
  contextActorId?: string;
  comments?: string;
  nextApproverIds?: string[];
  processDefinitionNameOrId?: string;
  skipEntryCriteria?: boolean | string;
}

/** The result of an {@link ApprovalRequest}. */
export interface ApprovalResult {
  actorIds: string[] | null;
  entityId: string;
  errors: null;
  instanceId: string;
  instanceStatus: "Pending" | "Approved" | "Rejected" | "Removed";
  newWorkitemIds: string[];
  success: true;
}

/** The approval processes of an org, and the approvals that are under way. */
export class Approvals {
  private readonly processes: ApprovalProcess[] = [];
  /** Processes by the id of their instances. */
  private readonly byInstance = new Map<string, ApprovalProcess>();

  constructor(private readonly org: Org) {}

  /** Adds a process. @throws Error when its object or condition is wrong */
  add(definition: ApprovalDefinition): ApprovalProcess {
    const object = this.org.schema.object(definition.object);
    if (!object) throw new Error(`the org has no object ${definition.object}`);
    const enters = definition.condition ? compileCondition(this.org, object, definition.condition) : () => true;
    const process = { ...definition, object: object.name, id: this.org.store.ids.next("04a"), enters };
    this.processes.push(process);
    return process;
  }

  clear(): void {
    this.processes.length = 0;
    this.byInstance.clear();
  }

  /** Returns all processes, by object. */
  list(): Record<string, { id: string; name: string; description: string | null; object: string; sortOrder: number }[]> {
    const found: ReturnType<Approvals["list"]> = {};
    for (const { id, name, description = null, object } of this.processes) {
      const list = (found[object] ??= []);
      list.push({ id, name, description, object, sortOrder: list.length + 1 });
    }
    return found;
  }

  /** Carries out a request: submits, approves, rejects or removes. */
  act(writer: Writer, userId: string, request: ApprovalRequest): ApprovalResult {
    switch (request.actionType) {
      case "Submit":
        return this.submit(writer, userId, request);
      case "Approve":
      case "Reject":
      case "Removed":
        return this.decide(writer, userId, request, request.actionType);
      default:
        throw new ApiError("INVALID_INPUT", `invalid actionType: ${request.actionType ?? ""}`, ["actionType"]);
    }
  }

  private submit(writer: Writer, userId: string, request: ApprovalRequest): ApprovalResult {
    const id = parseId(request.contextId ?? "");
    const row = id === undefined ? undefined : this.org.store.get(id);
    if (!row || row.IsDeleted) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []);
    if (this.pending(row.Id)) throw new ApiError("ALREADY_IN_PROCESS", "Cannot submit object already in process.", []);
    const object = this.org.store.tableOf(row.Id)!.schema;
    const process = this.processes.find((one) => one.object === object.name && isNamed(one, request) && (isTrue(request.skipEntryCriteria) || one.enters(row)));
    if (!process) throw new ApiError("NO_APPLICABLE_PROCESS", "No applicable approval process was found.", []);
    const actor = this.idOf(request.nextApproverIds?.[0] ?? process.approverId ?? userId);
    const submitter = this.idOf(request.contextActorId ?? userId);
    const instance = writer.insert(this.object("ProcessInstance"), { TargetObjectId: row.Id, Status: "Pending", SubmittedById: submitter });
    const workitem = writer.insert(this.object("ProcessInstanceWorkitem"), { ProcessInstanceId: instance.Id, ActorId: actor });
    this.byInstance.set(instance.Id, process);
    writer.change(row, {});
    return { ...result(instance, row.Id), actorIds: [actor], newWorkitemIds: [workitem.Id] };
  }

  private decide(writer: Writer, userId: string, request: ApprovalRequest, action: "Approve" | "Reject" | "Removed"): ApprovalResult {
    const id = parseId(request.contextId ?? "");
    const workitem = id?.startsWith("04i") ? this.org.store.get(id) : undefined;
    const instance = workitem && !workitem.IsDeleted ? this.org.store.get(String(workitem["ProcessInstanceId"])) : undefined;
    if (!workitem || !instance) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []);
    if (workitem["ActorId"] !== userId) throw new ApiError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", []);
    const process = this.byInstance.get(instance.Id);
    const target = this.org.store.get(String(instance["TargetObjectId"]))!;
    const status = action === "Approve" ? "Approved" : action === "Reject" ? "Rejected" : "Removed";
    writer.change(instance, { Status: status });
    writer.change(workitem, { IsDeleted: true });
    const fields = action === "Approve" ? process?.onApprove : action === "Reject" ? process?.onReject : undefined;
    writer.change(target, fields ?? {});
    return { ...result(instance, target.Id), instanceStatus: status };
  }

  /** Returns the 18-character id of a user or a queue. @throws ApiError when there is no such record */
  private idOf(text: string): string {
    const id = parseId(text);
    if (id === undefined || !this.org.store.get(id)) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []);
    return id;
  }

  private pending(target: string): boolean {
    for (const row of this.table("ProcessInstance").all()) if (row["TargetObjectId"] === target && row["Status"] === "Pending") return true;
    return false;
  }

  private table(name: string): ReturnType<Org["store"]["table"]> {
    return this.org.store.table(this.object(name));
  }

  private object(name: string): ObjectSchema {
    return this.org.schema.object(name)!;
  }
}

function isNamed(process: ApprovalProcess, { processDefinitionNameOrId: wanted }: ApprovalRequest): boolean {
  return wanted === undefined || wanted === process.name || wanted.slice(0, 15) === process.id.slice(0, 15);
}

function isTrue(value: boolean | string | undefined): boolean {
  return String(value) === "true";
}

function result(instance: Row, entityId: string): ApprovalResult {
  return { actorIds: null, entityId, errors: null, instanceId: instance.Id, instanceStatus: "Pending", newWorkitemIds: [], success: true };
}
