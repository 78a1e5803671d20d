/*
 * The list of divisions in the form of `salesforce case`: each row one line – name, condition – that opens to where its cases go. The build
 * writes it into the form's html.
 */
(function () {
  "use strict";
  const LIST = "#node-input-divisions-list";
  const WHEN = "case.division.";

  let fields = 0;

  /** A label and a field in the part of a row that opens. */
  function field(text, input) {
    const id = "surewire-division-field-" + (fields += 1);
    const line = $("<div/>", { class: "surewire-division-field" });
    $("<label/>", { for: id, text: text }).appendTo(line);
    $("<div/>", { class: "surewire-cell" }).append(input.attr("id", id)).appendTo(line);
    return line;
  }

  function text(part, value, placeholder) {
    return $("<input/>", { type: "text", "data-part": part, placeholder: placeholder }).val(value || "");
  }

  /** Whether the org of a division is there. Blank is the node's, and of a variable only the runtime can tell. */
  function hasOrg(id) {
    return surewire.isBlank(id) || surewire.isEnvironment(id) || Boolean(RED.nodes.node(id));
  }

  function orgChoice(node, value) {
    const choice = $("<select/>", { "data-part": "org" });
    function offer(id, label) { $("<option/>", { value: id, text: label }).appendTo(choice); }
    offer("", node._("case.label.same-org"));
    RED.nodes.eachConfig(function (config) {
      if (config.type === "surewire-salesforce-org") offer(config.id, RED.utils.getNodeLabel(config, config.id));
    });
    // one that is missing stays chosen: with none, the cases would go to the node's org
    if (value && choice.val(value).val() !== value) offer(value, hasOrg(value) ? value : node._("case.label.missing-org", { id: value }));
    function mark() { choice.toggleClass("input-error", !hasOrg(choice.val())); }
    choice.val(value || "").on("change", mark);
    mark();
    return choice;
  }

  /** Where the cases of a row go, in a few words, for when it is closed. */
  function summaryOf(node, container) {
    const part = function (name) { return String(container.find('[data-part="' + name + '"]').val() || "").trim(); };
    const defaults = surewire.rows(container.find("ol").first()).length;
    const words = [
      part("org") ? container.find('[data-part="org"] option:selected').text() : "",
      part("owner"),
      part("recordType"),
      defaults ? node._(WHEN + "defaults", { count: defaults }) : "",
    ].filter(Boolean);
    return words.length ? words.join(" · ") : node._(WHEN + "nothing");
  }

  function addRow(node, container, division) {
    container.addClass("surewire-division").data("division-saved", division);
    const line = $("<div/>", { class: "surewire-row" }).appendTo(container);
    const name = text("name", division.name, node._(WHEN + "name")).attr("aria-label", node._(WHEN + "name"));
    const property = text("property", division.property, "payload.plant").attr("aria-label", node._(WHEN + "property"));
    const when = text("when", division.when, node._(WHEN + "rest")).attr("aria-label", node._(WHEN + "when"));
    const toggle = $("<button/>", { type: "button", class: "red-ui-button red-ui-button-small surewire-division-open", "aria-expanded": "false", title: node._(WHEN + "open") });
    $("<i/>", { class: "fa fa-chevron-down" }).appendTo(toggle);
    $("<div/>", { class: "surewire-cell" }).css("flex", "0 0 24%").append(name).appendTo(line);
    const propertyCell = $("<div/>", { class: "surewire-cell" }).css("flex", "0 0 24%").append(property).appendTo(line);
    $("<div/>", { class: "surewire-cell" }).append(when).appendTo(line);
    toggle.appendTo(line);
    const summary = $("<div/>", { class: "surewire-division-summary" }).appendTo(container);

    const more = $("<div/>", { class: "surewire-division-more" }).appendTo(container);
    field(node._("case.label.org"), orgChoice(node, division.org)).appendTo(more);
    field(node._(WHEN + "owner"), text("owner", division.owner, node._(WHEN + "owner-placeholder"))).appendTo(more);
    field(node._(WHEN + "recordType"), text("recordType", division.recordType, node._(WHEN + "record-type-placeholder"))).appendTo(more);
    const defaults = $("<ol/>").appendTo(more);
    function tell() { summary.text(summaryOf(node, container)); }
    surewire.fieldList(defaults, { node: node, rows: division.defaults || [], add: node._("case.label.add-default"), changed: function () { setTimeout(tell, 0); } });

    when.typedInput({
      default: "topic",
      types: [
        { value: "topic", label: node._(WHEN + "topic"), icon: "fa fa-random", hasValue: true },
        { value: "property", label: node._(WHEN + "equals"), icon: "fa fa-envelope-o", hasValue: true },
        "jsonata",
      ],
    });
    when.typedInput("type", division.whenType || "topic");
    when.typedInput("value", division.when || "");
    when.typedInput("width", "100%");
    when.next(".red-ui-typedInput-container").find(".red-ui-typedInput-input").attr("aria-label", when.attr("aria-label"));
    function showProperty() { propertyCell.toggle(when.typedInput("type") === "property" && !surewire.isBlank(when.typedInput("value"))); }
    function show(open) {
      more.toggle(open);
      summary.toggle(!open);
      toggle.attr("aria-expanded", String(open)).find("i").toggleClass("fa-chevron-down", !open).toggleClass("fa-chevron-up", open);
      tell();
    }
    when.on("change", showProperty);
    container.on("change keyup", "[data-part]", tell);
    toggle.on("click", function () { show(toggle.attr("aria-expanded") !== "true"); });
    showProperty();
    show(Object.keys(division).length === 0); // a new one is open
  }

  /** Makes the list. */
  function divisionList(node) {
    $(LIST).editableList({
      addButton: node._("case.label.add-division"),
      removable: true,
      sortable: true,
      height: "auto",
      addItem: function (container, index, division) {
        addRow(node, container, division);
        surewire.nameRemoval(container);
      },
    });
    (node.divisions || []).forEach(function (division) { $(LIST).editableList("addItem", Object.assign({}, division)); });
  }

  /** Takes out of a division what it was saved without, in an older flow, and what is still as it means then. */
  function leaveOut(division, saved) {
    if (Object.keys(saved).length === 0) return; // a new one
    Object.keys(division).forEach(function (part) {
      if (saved[part] === undefined && division[part] === (part === "whenType" ? "topic" : "")) delete division[part];
    });
  }

  /** What stands in the list, without rows that are wholly empty. */
  function readDivisions() {
    const found = [];
    surewire.items(LIST).each(function () {
      const row = $(this);
      const part = function (name) { return String(row.find('[data-part="' + name + '"]').val() || "").trim(); };
      const when = row.find('[data-part="when"]');
      const division = {
        name: part("name"),
        whenType: when.typedInput("type"),
        when: String(when.typedInput("value")).trim(),
        property: part("property"),
        org: part("org"),
        owner: part("owner"),
        recordType: part("recordType"),
        defaults: surewire.rows(row.find("ol").first()),
      };
      leaveOut(division, row.data("division-saved"));
      const isBlank = ["name", "when", "org", "owner", "recordType"].every(function (name) { return !division[name]; }) && division.defaults.length === 0;
      if (!isBlank) found.push(division);
    });
    return found;
  }

  window.surewire = Object.assign(window.surewire || {}, { divisionList, hasOrg, readDivisions });
})();
