/* Registers `salesforce bulk` in the editor. The build writes it into the form's html. */
(function () {
  "use strict";
  const SET = "@surewire/node-red-connectors/surewire-salesforce-bulk:bulk.";
  const WRITES = ["insert", "update", "upsert", "delete", "hardDelete"];
  const READS = ["query", "queryAll"];
  const VALUE_TYPES = ["msg", "flow", "global", "jsonata", "env"];
  const PARAMETER_TYPES = ["msg", "str", "num", "bool", "json", "jsonata", "env", "flow", "global", "date"];

  function reason(key, options) {
    const text = RED._(SET + "check." + key);
    return options && options.label ? options.label + ": " + text : text;
  }

  function number(property, limits) {
    return surewire.numberDefault(RED._(SET + "label." + property), limits);
  }

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

  function checkName(name) {
    return /^[A-Za-z_]\w*$/.test(name || "") ? true : RED._(SET + "check.parameter");
  }

  function checkApiName(value, options) {
    return surewire.isEnvironment(value) || /^[A-Za-z]\w*$/.test(String(value).trim()) ? true : reason("name", options);
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
      org: { value: "", type: "surewire-salesforce-org", required: true, label: RED._(SET + "label.org") },
      operation: { value: "insert" },
      jobType: { value: "ingest" },
      jobOperation: {
        value: "insert",
        label: RED._(SET + "label.jobOperation"),
        validate: function (value, options) {
          const { making } = shapeOf(this);
          const words = surewire.field(this, "jobType") === "query" ? READS : WRITES;
          return !making || words.includes(value) ? true : reason("jobOperation", options);
        },
      },
      jobId: {
        value: "salesforce.jobId",
        label: RED._(SET + "label.jobId"),
        validate: function (value, options) {
          const { job, making, operation } = shapeOf(this);
          return !job || making || operation === "jobs" || value === undefined || surewire.check.required(value, options);
        },
      },
      jobIdType: { value: "msg" },
      object: {
        value: "",
        label: RED._(SET + "label.object"),
        validate: function (value, options) {
          if (!shapeOf(this).loads) return true;
          return surewire.isBlank(value) ? surewire.check.required(value, options) : checkApiName(value, options);
        },
      },
      externalIdField: {
        value: "",
        label: RED._(SET + "label.externalIdField"),
        validate: function (value, options) {
          if (!shapeOf(this).upserts) return true;
          return surewire.isBlank(value) ? surewire.check.required(value, options) : checkApiName(value, options);
        },
      },
      fields: { value: "payload" },
      fieldsType: { value: "msg" },
      identity: { value: "amqp.properties.messageId" },
      identityType: { value: "msg" },
      query: {
        value: "",
        label: RED._(SET + "label.query"),
        validate: function (value, options) {
          if (!shapeOf(this).asks) return true;
          if (surewire.isBlank(value)) return surewire.check.required(value, options);
          if (surewire.isEnvironment(value)) return true;
          if (!/^\s*SELECT\b/i.test(value)) return reason("select", options);
          return /':[A-Za-z_]\w*'/.test(value) ? reason("quoted", options) : true;
        },
      },
      parameters: {
        value: [],
        label: RED._(SET + "label.parameters"),
        validate: function (value, options) { return surewire.check.list(value, options, { row: (row) => checkName(row.name), unique: "name" }); },
      },
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
        label: RED._(SET + "label.assignmentRule"),
        validate: function (value, options) {
          return surewire.isBlank(value) || surewire.isEnvironment(value) || /^01Q\w{12}(\w{3})?$/.test(value) ? true : reason("rule", options);
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
      surewire.showDefaults(node);
      $("#node-input-fields").typedInput({ default: "msg", types: VALUE_TYPES, typeField: "#node-input-fieldsType" });
      $("#node-input-identity").typedInput({ default: "msg", types: VALUE_TYPES, typeField: "#node-input-identityType" });
      $("#node-input-jobId").typedInput({ default: "msg", types: VALUE_TYPES.concat("str"), typeField: "#node-input-jobIdType" });
      surewire.list("#node-input-parameters-list", {
        rows: node.parameters,
        header: true,
        add: node._("bulk.add-parameter"),
        columns: [
          { name: "name", label: node._("bulk.label.parameter"), required: true, check: checkName, width: "38%" },
          { name: "value", label: node._("bulk.label.value"), types: PARAMETER_TYPES },
        ],
        changed: function () { surewire.revalidate(node); },
      });
      surewire.settleRows("#node-input-settle-rows", node, {});
      ["linger", "pollInterval", "timeout"].forEach(function (name) { surewire.showDuration("#node-input-" + name); });
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
          pageSize: page,
          failed: fails,
          write: shape.write,
          poll: shape.write || shape.read || shape.resumes,
          identity: operation === "insert",
          dialect: shape.write || READS.includes(operation) || shape.making || operation === "uploadData",
          assignment: shape.loads,
          more: shape.write || shape.read || shape.resumes || shape.making || operation === "uploadData",
        };
        Object.keys(rows).forEach(function (name) { $(".surewire-bulk-" + name).toggle(rows[name]); });
        $("#node-input-settle-rows").toggle(shape.read && output !== "all");
        const failedOutput = fails && $("#node-input-failedOutput").prop("checked");
        const emptyOutput = shape.read && $("#node-input-emptyOutput").prop("checked");
        $("#node-input-operation-note").text(node._("bulk.operation-note." + (shape.write || shape.read ? operation : "job"), { defaultValue: "" }));
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
      this.parameters = surewire.rows("#node-input-parameters-list");
      surewire.saveNumbers(this, ["pageSize", "batchSize", "linger", "pollInterval", "timeout", "jobRows", "maxInFlight", "maxRows"]);
      surewire.saveSettleRows(this);
    },
  });
})();
