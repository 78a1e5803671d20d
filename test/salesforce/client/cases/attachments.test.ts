import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { isConnectorError } from "../../../../nodes/common/errors";
import { readAttachments } from "../../../../nodes/salesforce/client/cases/attachments";

const data = Buffer.from("x");
const names = (value: unknown) => readAttachments(value).map(({ name }) => name);

describe("Files of a message", () => {
  it("are a Buffer, an object, or a list of these", () => {
    assert.deepEqual(names(data), ["attachment-1.bin"]);
    assert.deepEqual(names({ name: "log.csv", data: "a;b" }), ["log.csv"]);
    assert.deepEqual(names([data, { name: "b.txt", data: new Uint8Array([1]) }]), ["attachment-1.bin", "b.txt"]);
    assert.deepEqual(readAttachments(runInNewContext("new Uint8Array([1, 2])")), [{ name: "attachment-1.bin", data: Buffer.from([1, 2]) }], "made in a Function node");
    for (const nothing of [undefined, null, "", [], Buffer.alloc(0)]) assert.deepEqual(names(nothing), []);
  });

  it("get an extension by their content type, and keep no path", () => {
    assert.deepEqual(names([{ name: "photo", contentType: "image/jpeg; q=1", data }, { contentType: "application/pdf", data }]), ["photo.jpg", "attachment-2.pdf"]);
    assert.deepEqual(names([{ name: "README", data }, { name: "C:\\logs\\run.csv", contentType: "text/plain", data }]), ["README", "run.csv"]);
  });

  it("that are none are refused, and so is one that no call could carry", () => {
    for (const value of [42, { name: "a" }, [data, "text"], { data: { a: 1 } }]) {
      assert.throws(() => readAttachments(value), (error) => isConnectorError(error) && error.code === "INPUT_INVALID");
    }
    assert.throws(() => readAttachments({ data: Buffer.alloc(37_000_001) }), (error) => isConnectorError(error) && error.code === "PAYLOAD_TOO_LARGE");
  });
});
