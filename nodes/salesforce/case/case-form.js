/* Registers `salesforce case` in the editor. The build writes it into the form's html. */
(function () {
  "use strict";
  const { say, reason, number, checked } = surewire.catalogue("surewire-salesforce-case");

  /** What is wrong with one division, or true. */
  function checkDivision(row, index, all) {
    if (surewire.isBlank(row.when) && index < all.length - 1) return say("reason.rest");
    if (row.whenType === "property" && !surewire.isBlank(row.when) && surewire.isBlank(row.property)) return surewire.text("reason.path");
    if (!surewire.hasOrg(row.org)) return say("reason.org");
    const inner = surewire.checkFields(row.defaults || []);
    return inner === true ? true : String(inner);
  }

  /** `defaults` of a property that counts only when `applies(node)`. */
  function when(label, value, applies, check) {
    return {
      value: value,
      label: say("label." + label),
      validate: function (found, options) { return !applies(this) || check.call(this, found, options); },
    };
  }

  const saysBy = function (property, value) { return function (node) { return (surewire.field(node, property) || "none") === value; }; };
  const looksUp = function (property) { return function (node) { return (surewire.field(node, property) || "none") !== "none"; }; };
  const hasId = function (node) { return !surewire.isBlank(surewire.field(node, "externalIdField")); };
  const reopens = function (node) { return hasId(node) && Boolean(surewire.field(node, "reopen")); };
  const comments = function (node) { return hasId(node) && surewire.field(node, "onRepeat") === "comment"; };
  const checkField = function (value, options) { return surewire.check.fieldName(value, options); };
  const checkRequired = function (value, options) { return surewire.check.required(value, options); };
  const checkTyped = function (property) { return function (value, options) { return surewire.check.typed(value, options, this, property); }; };

  RED.nodes.registerType("surewire-salesforce-case", {
    category: "surewire",
    color: "#8FC1E3",
    icon: "surewire-salesforce-case.svg",
    paletteLabel: "salesforce case",
    inputs: 1,
    outputs: 1,
    inputLabels: function () { return this._("case.port.input"); },
    outputLabels: function () { return this._("case.port.output"); },
    defaults: {
      name: { value: "" },
      org: { value: "", type: "surewire-salesforce-org", required: true, label: say("label.org") },
      divisions: {
        value: [],
        label: say("label.divisions"),
        validate: function (value, options) {
          return surewire.check.list(value, options, { row: function (row, index) { return checkDivision(row, index, value); } });
        },
      },
      mapping: {
        value: [{ field: "Subject", value: "payload.subject", valueType: "msg" }],
        label: say("label.mapping"),
        validate: function (value, options) { return surewire.checkFields(value, options); },
      },
      defaults: checked("defaults", [], (value, options) => surewire.checkFields(value, options)),
      externalIdField: checked("externalIdField", "", (value, options) => surewire.isBlank(value) || checkField(value, options)),
      externalId: when("externalId", "payload.id", hasId, checkTyped("externalId")),
      externalIdType: { value: "msg" },
      onRepeat: { value: "update" },
      reopen: { value: false },
      reopenStatus: when("reopenStatus", "New", reopens, checkRequired),
      contactBy: { value: "none" },
      contactField: when("lookUpField", "", saysBy("contactBy", "externalId"), checkField),
      contact: when("contactBy", "", looksUp("contactBy"), checkTyped("contact")),
      contactType: { value: "msg" },
      contactMissing: { value: "leave" },
      accountBy: { value: "none" },
      accountField: when("lookUpField", "", saysBy("accountBy", "externalId"), checkField),
      account: when("accountBy", "", looksUp("accountBy"), checkTyped("account")),
      accountType: { value: "msg" },
      accountMissing: { value: "leave" },
      comment: {
        value: "",
        label: say("label.comment"),
        validate: function (value, options) {
          if (surewire.isBlank(value)) return comments(this) ? reason("reason.comment", options) : true;
          return surewire.check.value(value, options, surewire.field(this, "commentType"));
        },
      },
      commentType: { value: "msg" },
      attachments: {
        value: "",
        label: say("label.attachments"),
        // with a check of its own, or the typed input would miss a path where none is wanted
        validate: function () { return true; },
      },
      attachmentsType: { value: "msg" },
      assignment: {
        value: "default",
        label: say("label.assignment"),
        validate: function (value, options) {
          if (["default", "off", undefined].includes(value) || surewire.isEnvironment(value) || /^01Q\w{12}(\w{3})?$/.test(value)) return true;
          return reason("reason.rule", options);
        },
      },
      duplicateRule: { value: "block" },
      caseNumber: { value: true },
      batchSize: number("batchSize", { value: 200, min: 1, max: 200 }),
      linger: number("linger", { value: 50, min: 0, max: 60000 }),
    },
    label: function () { return this.name || "salesforce case"; },
    labelStyle: function () { return this.name ? "node_label_italic" : ""; },
    oneditprepare: function () {
      const node = this;
      surewire.prepare(node);
      surewire.fieldList("#node-input-mapping-list", { node: node, rows: node.mapping, header: true, add: node._("case.label.add-field") });
      surewire.fieldList("#node-input-defaults-list", { node: node, rows: node.defaults, add: node._("case.label.add-default") });
      surewire.divisionList(node);

      const texts = ["msg", "str", "template", "jsonata", "env"];
      [["externalId", ["msg", "str", "num", "template", "jsonata", "env"]], ["contact", texts], ["account", texts], ["comment", texts], ["attachments", ["msg", "jsonata"]]]
        .forEach(function (entry) {
          surewire.typed(entry[0], surewire.withTemplate(entry[1]));
        });
      const rule = surewire.choice("assignment", ["default", "off"], "rule");

      function value(property) { return $("#node-input-" + property).val(); }
      function show() {
        const id = !surewire.isBlank(value("externalIdField"));
        $(".surewire-case-id").toggle(id);
        $(".surewire-case-no-id").toggle(!id);
        $(".surewire-case-reopen").toggle($("#node-input-reopen").prop("checked"));
        ["contact", "account"].forEach(function (who) {
          $(".surewire-case-" + who).toggle(value(who + "By") !== "none");
          $(".surewire-case-" + who + "-field").toggle(value(who + "By") === "externalId");
        });
        $("#node-input-comment-note").text(node._("case.note.comment-" + (id ? value("onRepeat") : "always")));
        $(".surewire-case-rule").toggle(rule.val() === "rule");
      }
      $("#node-input-externalIdField, #node-input-reopen, #node-input-onRepeat, #node-input-contactBy, #node-input-accountBy, #node-input-assignment-choice")
        .on("change keyup paste", function () {
          show();
          surewire.revalidate(node);
        });
      show();
      $("#surewire-case-divisions").prop("open", (node.divisions || []).length > 0);
      $("#surewire-case-links").prop("open", value("contactBy") !== "none" || value("accountBy") !== "none");
      $("#surewire-case-extras").prop("open", !surewire.isBlank(node.comment) || !surewire.isBlank(node.attachments));
    },
    oneditsave: function () {
      this.divisions = surewire.readDivisions();
      surewire.save(this);
    },
  });
})();
