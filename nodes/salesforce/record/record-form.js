/* Registers `salesforce record` in the editor. The build writes it into the form's html. */
(function () {
  "use strict";
  const { say, reason, number, checked } = surewire.catalogue("surewire-salesforce-record");
  const VALUE_TYPES = ["msg", "str", "jsonata", "flow", "global", "env"];
  const DATA_TYPES = ["msg", "jsonata", "json", "str", "flow", "global"];

  /** The operations by group, as the list shows them. */
  const GROUPS = [
    ["records", ["create", "retrieve", "update", "upsert", "delete", "createTree"]],
    ["bin", ["undelete", "emptyRecycleBin"]],
    ["people", ["merge", "convertLead", "findDuplicates", "findDuplicatesByIds"]],
    ["approvals", ["submit", "approve", "reject"]],
    ["changes", ["getUpdated", "getDeleted", "recent"]],
    ["describe", ["describe", "describeSObjects", "describeGlobal"]],
    ["mail", ["sendEmail", "sendEmailMessage"]],
    ["session", ["getUserInfo", "getServerTimestamp", "setPassword", "resetPassword", "logout"]],
  ];

  const BATCHED = ["create", "retrieve", "update", "upsert", "delete"];
  const NAMING = ["create", "retrieve", "update", "upsert", "createTree", "merge", "findDuplicates", "getUpdated", "getDeleted", "describe"];
  const BY_ID = ["retrieve", "update", "delete", "undelete", "emptyRecycleBin", "merge", "convertLead", "findDuplicatesByIds", "submit", "approve", "reject", "sendEmailMessage", "setPassword", "resetPassword"];
  const WITHOUT_DATA = ["getUpdated", "getDeleted", "recent", "describe", "describeGlobal", "getUserInfo", "getServerTimestamp", "logout"];
  const WRITES = ["create", "update", "upsert", "createTree"];
  const LISTS = ["create", "update", "upsert", "delete", "undelete", "emptyRecycleBin", "convertLead", "sendEmail", "sendEmailMessage"];
  const UNSAFE = ["create", "createTree", "merge", "convertLead", "submit", "approve", "reject", "sendEmail", "sendEmailMessage", "resetPassword"];

  function operationOf(node) {
    return surewire.field(node, "operation") || "create";
  }

  function isOf(node, operations) {
    return operations.includes(operationOf(node));
  }

  function isName(value) {
    return surewire.isEnvironment(value) || /^[A-Za-z]\w*$/.test(String(value).trim());
  }

  function checkObject(node, value, options) {
    const several = operationOf(node) === "describeSObjects";
    if (!several && !isOf(node, NAMING)) return true;
    if (surewire.isBlank(value)) return several || surewire.check.required(value, options);
    const type = surewire.field(node, "objectType") || "str";
    if (type !== "str") return surewire.check.value(value, options, type);
    const names = several ? String(value).split(",") : [value];
    return names.every(isName) ? true : reason("reason.object", options);
  }

  /** The objects of the org that is chosen, if it is deployed and connected; asked for once for each opening of the form. */
  let objects = {};
  function suggestObjects(text, done) {
    const org = $("#node-input-org").val() || "";
    if (!/^[\w.-]+$/.test(org) || org === "_ADD_") return done([]);
    objects[org] = objects[org] || $.getJSON("surewire/salesforce-record/objects/" + org).then(null, function () { return $.when([]); });
    objects[org].then(function (all) {
      const wanted = text.trim().toLowerCase();
      const found = all.filter(function (one) { return one.name.toLowerCase().includes(wanted) || one.label.toLowerCase().includes(wanted); });
      // the Tab key takes the first
      found.sort(function (a, b) { return rank(a, wanted) - rank(b, wanted); });
      done(found.slice(0, 20).map(function (one) { return { value: one.name, label: one.name === one.label ? one.name : one.name + " – " + one.label }; }));
    });
  }

  function rank(object, wanted) {
    const name = object.name.toLowerCase();
    return name === wanted ? 0 : name.startsWith(wanted) ? 1 : 2;
  }

  RED.nodes.registerType("surewire-salesforce-record", {
    category: "surewire",
    color: "#8FC1E3",
    icon: "surewire-salesforce-record.svg",
    paletteLabel: "salesforce record",
    inputs: 1,
    outputs: 1,
    inputLabels: function () { return this._("record.port.input"); },
    outputLabels: function (index) { return this._(index === 0 ? "record.port.output" : "record.port.failed"); },
    defaults: {
      name: { value: "" },
      org: { value: "", type: "surewire-salesforce-org", required: true, label: say("label.org") },
      operation: { value: "create" },
      object: checked("object", "", (value, options, node) => checkObject(node, value, options)),
      objectType: { value: "str" },
      externalIdField: {
        value: "",
        label: say("label.externalIdField"),
        validate: function (value, options) {
          if (operationOf(this) !== "upsert") return true;
          if (surewire.isBlank(value)) return surewire.check.required(value, options);
          return isName(value) ? true : reason("reason.field", options);
        },
      },
      recordId: { value: "", label: say("label.recordId"), validate: RED.validators.typedInput({ typeField: "recordIdType", allowBlank: true }) },
      recordIdType: { value: "msg" },
      fields: {
        value: "payload",
        label: say("label.fields"),
        validate: function (value, options) {
          if (isOf(this, WITHOUT_DATA) || value === undefined) return true;
          return surewire.check.typed(value, options, this, "fields");
        },
      },
      fieldsType: { value: "msg" },
      mergeIds: {
        value: "mergeIds",
        label: say("label.mergeIds"),
        validate: function (value, options) { return operationOf(this) !== "merge" || value === undefined || surewire.check.typed(value, options, this, "mergeIds"); },
      },
      mergeIdsType: { value: "msg" },
      returnFields: {
        value: "",
        label: say("label.returnFields"),
        validate: function (value, options) {
          if (operationOf(this) !== "retrieve" || surewire.isBlank(value)) return true;
          const names = String(value).split(",");
          return names.every(function (name) { return surewire.isEnvironment(name) || /^[A-Za-z]\w*(\.[A-Za-z]\w*)*$/.test(name.trim()); }) ? true : reason("reason.fields", options);
        },
      },
      start: {
        value: "start",
        label: say("label.start"),
        validate: function (value, options) { return !isOf(this, ["getUpdated", "getDeleted"]) || value === undefined || surewire.check.typed(value, options, this, "start"); },
      },
      startType: { value: "msg" },
      end: { value: "", label: say("label.end"), validate: RED.validators.typedInput({ typeField: "endType", allowBlank: true }) },
      endType: { value: "msg" },
      limit: number("limit", { value: 200, min: 1, max: 200 }),
      allOrNone: { value: false },
      failedOutput: { value: false },
      assignment: {
        value: "default",
        label: say("label.assignment"),
        validate: function (value, options) {
          if (!isOf(this, WRITES) || surewire.isEnvironment(value) || ["default", "off", undefined].includes(value)) return true;
          return /^01Q\w{12}(\w{3})?$/.test(String(value).trim()) ? true : reason("reason.rule", options);
        },
      },
      duplicateRule: { value: "block" },
      batchSize: number("batchSize", { value: 200, min: 1, max: 200 }),
      linger: number("linger", { value: 50, min: 0, max: 60000 }),
      outputs: { value: 1 },
    },
    label: function () {
      if (this.name) return this.name;
      const object = NAMING.includes(this.operation) && this.objectType === "str" && this.object;
      return object ? this._("record.operation." + this.operation) + " " + this.object : "salesforce record";
    },
    labelStyle: function () { return this.name ? "node_label_italic" : ""; },
    oneditprepare: function () {
      const node = this;
      surewire.prepare(node);
      objects = {};
      const operations = $("#node-input-operation").empty();
      GROUPS.forEach(function (group) {
        const shown = $("<optgroup/>", { label: node._("record.group." + group[0]) }).appendTo(operations);
        group[1].forEach(function (name) { $("<option/>", { value: name, text: node._("record.operation." + name) }).appendTo(shown); });
      });
      operations.val(node.operation || "create");
      const named = { value: "str", label: node._("record.type.name"), icon: "red/images/typedInput/az.svg", autoComplete: suggestObjects };
      surewire.typed("object", [named, "msg", "jsonata", "env", "flow", "global"]);
      surewire.typed("fields", DATA_TYPES);
      ["recordId", "mergeIds", "start", "end"].forEach(function (name) {
        surewire.typed(name, VALUE_TYPES);
      });
      const rule = surewire.choice("assignment", ["default", "off"], "rule");

      function show() {
        const operation = operations.val();
        const writes = WRITES.includes(operation);
        const batched = BATCHED.includes(operation);
        const lists = LISTS.includes(operation);
        const rows = {
          object: NAMING.includes(operation) || operation === "describeSObjects",
          externalIdField: operation === "upsert",
          recordId: BY_ID.includes(operation),
          fields: !WITHOUT_DATA.includes(operation),
          mergeIds: operation === "merge",
          returnFields: operation === "retrieve",
          span: operation === "getUpdated" || operation === "getDeleted",
          limit: operation === "recent",
          repeat: UNSAFE.includes(operation),
          lists: lists,
          rules: writes,
          rule: writes && rule.val() === "rule",
          duplicates: writes || operation === "merge",
          batch: batched,
          more: writes || batched || operation === "merge",
        };
        Object.keys(rows).forEach(function (name) { $(".surewire-record-" + name).toggle(rows[name]); });
        const failedOutput = lists && $("#node-input-failedOutput").prop("checked");
        $("#node-input-operation-note").text(node._("record.operation-note." + operation));
        $("#node-input-failedOutput-note").text(node._("record.note." + (failedOutput ? "failedOutput" : "failsMessage")));
        $("#node-input-outputs").val(failedOutput ? 2 : 1);
      }
      operations.add(rule).add("#node-input-failedOutput, #node-input-objectType, #node-input-fieldsType").on("change", function () {
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
