/* Registers `salesforce request` in the editor. The build writes it into the form's html. */
(function () {
  "use strict";
  const { say, reason, number, checked } = surewire.catalogue("surewire-salesforce-request");
  const UPLOAD = "analytics-upload";
  const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
  const RESERVED = ["authorization", "host", "content-length", "connection", "transfer-encoding", "cookie"];
  const VALUE_TYPES = ["msg", "str", "jsonata", "flow", "global", "env"];

  /** The presets of the runtime, by id. */
  function presets() {
    return RED.settings.surewireSalesforceRequestPresets || [];
  }

  function isUpload(node) {
    return surewire.field(node, "preset") === UPLOAD;
  }

  function isEngagement(node) {
    return !isUpload(node) && surewire.field(node, "host") === "account-engagement";
  }

  function checkHeader(row) {
    const name = String(row.name || "").trim();
    if (!HEADER_NAME.test(name)) return say("reason.header");
    return RESERVED.includes(name.toLowerCase()) ? say("reason.reserved") : true;
  }

  function checkPath(node, value, options) {
    if (isUpload(node)) return true;
    if (surewire.field(node, "pathType") === "str") return surewire.check.required(value, options);
    return RED.validators.typedInput({ typeField: "pathType" }).call(node, value, options);
  }

  /** `campaigns: query` and the like are made, all others have a text of their own. */
  function presetLabel(node, preset) {
    if (preset.group !== "engagement") return node._("request.preset." + preset.id);
    const collection = preset.path.split(/[/?]/)[4];
    const action = preset.id.slice(("engagement-" + collection + "-").length);
    return collection.replace(/-/g, " ") + ": " + node._("request.action." + action);
  }

  function fillPresets(node) {
    const select = $("#node-input-preset").empty();
    $("<option/>", { value: "", text: node._("request.preset.own") }).appendTo(select);
    const groups = {};
    presets().forEach(function (preset) {
      groups[preset.group] = groups[preset.group] || $("<optgroup/>", { label: node._("request.group." + preset.group) }).appendTo(select);
      $("<option/>", { value: preset.id, text: presetLabel(node, preset) }).appendTo(groups[preset.group]);
    });
    select.val(node.preset || "");
    if (select.val() === null) select.val("");
  }

  /** The call that stands in the form. */
  function readCall() {
    const path = $("#node-input-path");
    return { method: $("#node-input-method").val(), host: $("#node-input-host").val(), pathType: path.typedInput("type"), path: path.typedInput("value") };
  }

  function writeCall(call) {
    $("#node-input-method").val(call.method);
    $("#node-input-host").val(call.host || "org");
    $("#node-input-path").typedInput("type", call.pathType || "str").typedInput("value", call.path);
  }

  RED.nodes.registerType("surewire-salesforce-request", {
    category: "surewire",
    color: "#8FC1E3",
    icon: "surewire-salesforce-request.svg",
    paletteLabel: "salesforce request",
    inputs: 1,
    outputs: 1,
    inputLabels: function () { return this._("request.port.input"); },
    outputLabels: function () { return this._("request.port.output"); },
    defaults: {
      name: { value: "" },
      org: { value: "", type: "surewire-salesforce-org", required: true, label: say("label.org") },
      preset: { value: "" },
      method: { value: "GET" },
      path: checked("path", "/limits", (value, options, node) => checkPath(node, value, options)),
      pathType: { value: "str" },
      host: { value: "org" },
      engagementUrl: checked("engagementUrl", "https://pi.pardot.com", (value, options, node) => !isEngagement(node) || surewire.check.url(value, options, ["https:", "http:"])),
      businessUnitId: {
        value: "",
        label: say("label.businessUnitId"),
        validate: function (value, options) {
          if (!isEngagement(this) || surewire.isEnvironment(value) || /^0Uv\w{12}(\w{3})?$/.test(String(value).trim())) return true;
          return reason("reason.businessUnitId", options);
        },
      },
      headers: checked("headers", [], (value, options) => surewire.check.list(value, options, { row: checkHeader, unique: "name" })),
      body: { value: "payload" },
      bodyType: { value: "msg" },
      returns: { value: "json" },
      safeToRepeat: { value: false },
      failOnPartErrors: { value: true },
      concurrency: number("concurrency", { value: 4, min: 1, max: 25 }),
      dataset: {
        value: "",
        label: say("label.dataset"),
        validate: function (value, options) {
          return !isUpload(this) || surewire.isEnvironment(value) || /^[A-Za-z]\w{0,79}$/.test(String(value).trim()) ? true : reason("reason.dataset", options);
        },
      },
      datasetLabel: { value: "" },
      datasetOperation: { value: "Overwrite" },
      datasetMetadata: {
        value: "",
        label: say("label.datasetMetadata"),
        validate: RED.validators.typedInput({ typeField: "datasetMetadataType", allowBlank: true }),
      },
      datasetMetadataType: { value: "json" },
      datasetWait: number("datasetWait", { value: 600000, min: 0, max: 86400000 }),
    },
    label: function () {
      if (this.name) return this.name;
      if (this.preset === UPLOAD) return this.dataset || "salesforce request";
      return this.pathType === "str" && this.path ? this.method + " " + this.path.split("?")[0] : "salesforce request";
    },
    labelStyle: function () { return this.name ? "node_label_italic" : ""; },
    oneditprepare: function () {
      const node = this;
      surewire.prepare(node);
      fillPresets(node);
      surewire.typed("path", ["str", "msg", "jsonata", "flow", "global", "env"]);
      const none = { value: "none", label: node._("request.body.none"), hasValue: false };
      surewire.typed("body", ["msg", "json", "jsonata", "str", "flow", "global", "env", none]);
      surewire.typed("datasetMetadata", ["json", "msg", "jsonata", "flow", "global"]);
      surewire.list("#node-input-headers-list", {
        node: node,
        rows: node.headers,
        add: node._("request.label.addHeader"),
        columns: [
          { name: "name", label: node._("request.label.header"), width: "38%", required: true },
          { name: "value", label: node._("request.label.value"), types: VALUE_TYPES },
        ],
      });

      function show() {
        const upload = isUpload(node);
        const method = $("#node-input-method").val();
        const path = String($("#node-input-path").typedInput("value"));
        const fixed = $("#node-input-path").typedInput("type") === "str";
        $(".surewire-request-upload").toggle(upload);
        $(".surewire-request-call").toggle(!upload);
        $(".surewire-request-engagement").toggle(isEngagement(node));
        $(".surewire-request-body").toggle(upload || !["GET", "HEAD"].includes(method));
        $("#node-input-body-label").text(node._(upload ? "request.label.rows" : "request.label.body"));
        $(".surewire-request-repeat").toggle(!upload && ["POST", "PATCH"].includes(method));
        $(".surewire-request-parts").toggle(!upload && (!fixed || path.includes("composite")));
        const soap = fixed && /^\/services\/Soap\//i.test(path);
        const note = soap ? "soap" : fixed && path.includes("{{") ? "placeholder" : isEngagement(node) ? "engagement" : "path";
        $("#node-input-path-note").text(node._("request.note." + note));
      }
      let chosen = $("#node-input-preset").val();
      let own; // comes back when the choice does
      $("#node-input-preset").on("change", function () {
        if ($(this).val() === chosen) return; // Node-RED says so of every field as the form opens: what was changed of the call stays
        if (chosen === "") own = readCall();
        chosen = $(this).val();
        const call = chosen === "" ? own : presets().find(function (preset) { return preset.id === chosen && preset.id !== UPLOAD; });
        if (call) writeCall(call);
        show();
        surewire.revalidate(node);
      });
      $("#node-input-method, #node-input-host, #node-input-path").on("change", function () {
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
