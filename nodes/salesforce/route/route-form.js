/* The form of the route node. Written into its html. */
(function () {
  "use strict";
  const { say, reason, number, checked } = surewire.catalogue("surewire-salesforce-route");
  const API_NAME = /^[A-Za-z]\w*$/;

  function isObject(node) { return surewire.field(node, "routesFrom") === "object"; }
  function marksOther(node) { return !["", "case"].includes(String(surewire.field(node, "markObject") || "").trim().toLowerCase()); }

  function apiName(value, options) {
    return surewire.isEnvironment(value) || API_NAME.test(String(value).trim()) || reason("reason.name", options);
  }

  /** An API name that counts only when `applies(node)`. */
  function name(property, value, applies) {
    return {
      value: value,
      label: say("label." + property),
      validate: function (found, options) {
        if (found === undefined && value !== "") return true; // of a flow that is older than it
        if (!applies(this)) return true;
        return surewire.isBlank(found) ? surewire.check.required(found, options) : apiName(found, options);
      },
    };
  }

  function checkRoute(row) {
    return surewire.isBlank(row.queue) || surewire.isBlank(row.workgroup) ? say("reason.route") : true;
  }

  RED.nodes.registerType("surewire-salesforce-route", {
    category: "surewire",
    color: "#8FC1E3",
    icon: "surewire-salesforce-route.svg",
    paletteLabel: "salesforce route",
    inputs: 1,
    outputs: 3,
    inputLabels: function () { return this._("route.port.input"); },
    outputLabels: function (index) { return this._("route.port." + ["create", "update", "disconnect"][index]); },
    defaults: {
      name: { value: "" },
      org: { value: "", type: "surewire-salesforce-org", required: true, label: say("label.org") },
      routesFrom: { value: "node" },
      routes: checked("routes", [], (value, options, node) => isObject(node) || surewire.check.list(value, options, { min: 1, row: checkRoute, unique: "queue" })),
      routesObject: name("routesObject", "", isObject),
      queueField: name("queueField", "", isObject),
      workgroupField: name("workgroupField", "", isObject),
      refresh: number("refresh", { value: 300000, min: 1000, max: 86400000 }),
      skillsField: checked("skillsField", "ObjectRouting_Skills__c", (value, options) => surewire.isBlank(value) || apiName(value, options)),
      onNew: { value: true },
      onQueue: { value: true },
      onOwner: { value: true },
      onComment: { value: true },
      onEmail: { value: true },
      disconnectOnReply: { value: true },
      directToQueue: { value: false },
      answerTimeout: number("answerTimeout", { value: 300000, min: 1000, max: 86400000 }),
      markObject: name("markObject", "Case", function () { return true; }),
      markCaseField: name("markCaseField", "", marksOther),
      markFields: checked("markFields", [], (value, options) => surewire.checkFields(value, options)),
      startQuery: { value: true },
      store: { value: "", type: "surewire-sql-database", required: false, label: say("label.store") },
      stateName: { value: "" },
      standby: checked("standby", false, (value, options, node) => value === true && surewire.isBlank(surewire.field(node, "store")) ? reason("reason.standby", options) : true),
      leaseTime: number("leaseTime", { value: 30, min: 3, max: 3600 }),
      ...surewire.settleDefaults(),
    },
    label: function () { return this.name || "salesforce route"; },
    labelStyle: function () { return this.name ? "node_label_italic" : ""; },
    oneditprepare: function () {
      const node = this;
      surewire.prepare(node);
      surewire.list("#node-input-routes-list", {
        node: node,
        rows: node.routes,
        header: true,
        add: node._("route.label.add-route"),
        columns: [
          { name: "queue", label: node._("route.label.queue"), required: true },
          { name: "workgroup", label: node._("route.label.workgroup"), required: true },
        ],
      });
      surewire.fieldList("#node-input-markFields-list", { node: node, rows: node.markFields, header: true, add: node._("route.label.add-mark") });
      surewire.settleRows("#node-input-settle-rows", node, {});
      surewire.showUnwired(node, 0, "create");
      function show() {
        const fromObject = $("#node-input-routesFrom").val() === "object";
        $(".surewire-route-node").toggle(!fromObject);
        $(".surewire-route-object").toggle(fromObject);
        $(".surewire-route-mark-case").toggle(!["", "case"].includes(String($("#node-input-markObject").val()).trim().toLowerCase()));
        surewire.showStandby();
      }
      $("#node-input-routesFrom, #node-input-markObject, #node-input-store, #node-input-standby").on("change keyup paste", function () {
        show();
        surewire.revalidate(node);
      });
      show();
      if (node.store || node.stateName) $("#node-input-state-more").prop("open", true);
    },
    oneditsave: function () {
      surewire.save(this);
    },
  });
})();
