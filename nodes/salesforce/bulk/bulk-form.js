/* Registers `salesforce bulk` in the editor. The build writes it into the form's html. */
(function () {
  "use strict";
  const { say, reason, number, checked } = surewire.catalogue("surewire-salesforce-bulk");
  const WRITES = ["insert", "update", "upsert", "delete", "hardDelete"];
  const READS = ["query", "queryAll"];
  const VALUE_TYPES = ["msg", "flow", "global", "jsonata", "env"];

  /** What the fields say together: what is written, read, or made. */
  function shapeOf(node) {
    const operation = surewire.field(node, "operation") || "insert";
    const query = surewire.field(node, "jobType") === "query";
    const making = operation === "createJob";
    const rows = making ? surewire.field(node, "jobOperation") || "insert" : operation;
    const write = WRITES.includes(operation);
    const read = READS.includes(operation) || (operation === "resume" && query);
    return {
      operation: operation,
      write: write,
      read: read,
      making: making,
      loads: (write || making) && WRITES.includes(rows) && !(making && query),
      upserts: (write || making) && rows === "upsert" && !(making && query),
      asks: READS.includes(operation) || (making && query),
      resumes: operation === "resume",
      job: !write && !READS.includes(operation),
    };
  }

  function checkApiName(value, options) {
    return surewire.isEnvironment(value) || /^[A-Za-z]\w*$/.test(String(value).trim()) ? true : reason("reason.name", options);
  }

  RED.nodes.registerType("surewire-salesforce-bulk", {
    category: "surewire",
    color: "#8FC1E3",
    icon: "surewire-salesforce-bulk.svg",
    paletteLabel: "salesforce bulk",
    inputs: 1,
    outputs: 1,
    defaults: {
      name: { value: "" },
      org: { value: "", type: "surewire-salesforce-org", required: true, label: say("label.org") },
      operation: { value: "insert" },
      jobType: { value: "ingest" },
      jobOperation: {
        value: "insert",
        label: say("label.jobOperation"),
        validate: function (value, options) {
          const { making } = shapeOf(this);
          const words = surewire.field(this, "jobType") === "query" ? READS : WRITES;
          return !making || words.includes(value) ? true : reason("reason.jobOperation", options);
        },
      },
      jobId: {
        value: "salesforce.jobId",
        label: say("label.jobId"),
        validate: function (value, options) {
          const { job, making, operation } = shapeOf(this);
          return !job || making || operation === "jobs" || value === undefined || surewire.check.typed(value, options, this, "jobId");
        },
      },
      jobIdType: { value: "msg" },
      object: {
        value: "",
        label: say("label.object"),
        validate: function (value, options) {
          if (!shapeOf(this).loads) return true;
          return surewire.isBlank(value) ? surewire.check.required(value, options) : checkApiName(value, options);
        },
      },
      externalIdField: {
        value: "",
        label: say("label.externalIdField"),
        validate: function (value, options) {
          if (!shapeOf(this).upserts) return true;
          return surewire.isBlank(value) ? surewire.check.required(value, options) : checkApiName(value, options);
        },
      },
      fields: {
        value: "payload",
        label: say("label.fields"),
        validate: function (value, options) {
          const { write, operation } = shapeOf(this);
          return !(write || operation === "uploadData") || value === undefined || surewire.check.typed(value, options, this, "fields");
        },
      },
      fieldsType: { value: "msg" },
      identity: {
        value: "amqp.properties.messageId",
        label: say("label.identity"),
        validate: function (value, options) {
          return shapeOf(this).operation !== "insert" || surewire.isBlank(value) || surewire.check.value(value, options, surewire.field(this, "identityType"));
        },
      },
      identityType: { value: "msg" },
      query: {
        value: "",
        label: say("label.query"),
        validate: function (value, options) {
          if (!shapeOf(this).asks) return true;
          if (surewire.isBlank(value)) return surewire.check.required(value, options);
          if (surewire.isEnvironment(value)) return true;
          if (!/^\s*SELECT\b/i.test(value)) return reason("reason.select", options);
          return surewire.check.names(value, options);
        },
      },
      parameters: checked("parameters", [], (value, options) => surewire.checkParameters(value, options)),
      output: { value: "page" },
      pageSize: number("pageSize", { value: 2000, min: 1, max: 100000 }),
      emptyOutput: { value: false },
      failedOutput: { value: false },
      results: { value: "all" },
      batchSize: number("batchSize", { value: 10000, min: 1, max: 100000 }),
      linger: number("linger", { value: 5000, min: 0, max: 3600000 }),
      ...surewire.settleDefaults(),
      pollInterval: number("pollInterval", { value: 2000, min: 10, max: 3600000 }),
      timeout: number("timeout", { value: 1200000, min: 0, max: 604800000 }),
      jobRows: number("jobRows", { value: 100000, min: 1, max: 10000000 }),
      columnDelimiter: { value: "COMMA" },
      lineEnding: { value: "LF" },
      assignmentRule: {
        value: "",
        label: say("label.assignmentRule"),
        validate: function (value, options) {
          return surewire.isBlank(value) || surewire.isEnvironment(value) || /^01Q\w{12}(\w{3})?$/.test(value) ? true : reason("reason.rule", options);
        },
      },
      maxInFlight: number("maxInFlight", { value: 10000, min: 1, max: 1000000 }),
      maxRows: number("maxRows", { value: 100000, min: 1, max: 10000000 }),
      outputs: { value: 1 },
    },
    label: function () {
      if (this.name) return this.name;
      return WRITES.includes(this.operation) && this.object ? this._("bulk.operation." + this.operation) + " " + this.object : "salesforce bulk";
    },
    labelStyle: function () { return this.name ? "node_label_italic" : ""; },
    inputLabels: function () { return this._("bulk.port.input"); },
    outputLabels: function (index) {
      const { read } = shapeOf(this);
      if (index === 0) return this._(read ? "bulk.port.rows" : "bulk.port.output");
      return this._(read ? "bulk.port.empty" : "bulk.port.failed");
    },
    oneditprepare: function () {
      const node = this;
      surewire.prepare(node);
      surewire.typed("fields", VALUE_TYPES);
      surewire.typed("identity", VALUE_TYPES);
      surewire.typed("jobId", VALUE_TYPES.concat("str"));
      surewire.parameterList(node);
      surewire.settleRows("#node-input-settle-rows", node, {});
      function show() {
        const shape = shapeOf(node);
        const operation = shape.operation;
        const output = $("#node-input-output").val();
        const fails = shape.write || (shape.resumes && !shape.read);
        const page = shape.read && output === "page";
        const rows = {
          jobType: shape.job && !["uploadData", "closeJob", "successfulResults", "failedResults", "unprocessedRecords", "queryResults"].includes(operation),
          jobOperation: shape.making,
          jobId: shape.job && !shape.making && operation !== "jobs",
          object: shape.loads,
          externalIdField: shape.upserts,
          fields: shape.write || operation === "uploadData",
          query: shape.asks,
          parameters: READS.includes(operation),
          read: shape.read,
          most: shape.read || operation === "queryResults",
          pageSize: page,
          failed: fails,
          write: shape.write,
          poll: shape.write || shape.read || shape.resumes,
          identity: operation === "insert",
          dialect: shape.write || READS.includes(operation) || shape.making || operation === "uploadData",
          assignment: shape.loads,
          more: shape.write || shape.read || shape.resumes || shape.making || operation === "uploadData" || operation === "queryResults",
        };
        Object.keys(rows).forEach(function (name) { $(".surewire-bulk-" + name).toggle(rows[name]); });
        $("#node-input-settle-rows").toggle(shape.read && output !== "all");
        const failedOutput = fails && $("#node-input-failedOutput").prop("checked");
        const emptyOutput = shape.read && $("#node-input-emptyOutput").prop("checked");
        $("#node-input-operation-note").text(node._("bulk.operation-note." + (shape.write || shape.read ? operation : "job"), { defaultValue: "" }));
        $("#node-input-fields-note").text(node._("bulk.note." + (shape.write ? "fields" : "upload")));
        $("#node-input-failedOutput-note").text(node._("bulk.note." + (failedOutput ? "failedOutput" : "failsMessage")));
        $("#node-input-outputs").val(failedOutput || emptyOutput ? 2 : 1);
      }
      $("#node-input-operation, #node-input-jobType, #node-input-jobOperation, #node-input-output, #node-input-emptyOutput, #node-input-failedOutput").on("change", function () {
        show();
        surewire.revalidate(node);
      });
      show();
    },
    oneditsave: function () {
      surewire.save(this);
    },
  });
})();
