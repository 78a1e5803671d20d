import assert from "node:assert/strict";
import { IdSequence, parseId, toLongId } from "../src/ids";

describe("ids", () => {
  it("carry the checksum Salesforce gives them", () => {
    assert.equal(toLongId("00Dxx0000001gPL"), "00Dxx0000001gPLEAY");
    assert.equal(toLongId("005xx000001SwiU"), "005xx000001SwiUAAS");
    assert.equal(toLongId("7506g00000DhRA2"), "7506g00000DhRA2AAN");
  });

  it("are read in both forms", () => {
    assert.equal(parseId("00Dxx0000001gPL"), "00Dxx0000001gPLEAY");
    assert.equal(parseId("00Dxx0000001gPLEAY"), "00Dxx0000001gPLEAY");
  });

  it("are refused with another length, a wrong checksum or other characters", () => {
    for (const text of ["", "00Dxx0000001gP", "00Dxx0000001gPLEA", "00Dxx0000001gPLAAA", "00Dxx0000001g-L"])
      assert.equal(parseId(text), undefined);
  });

  it("never come twice", () => {
    const ids = new IdSequence();
    const seen = new Set(Array.from({ length: 5000 }, () => ids.next("500").slice(0, 15)));
    assert.equal(seen.size, 5000);
  });
});
