/* The fields of a form: what all forms do with theirs as they open and are saved, and single ones that several forms have. */
(function () {
  "use strict";
  const { element, isBlank, rows, text } = window.surewire;

  /** Of the nodes whose forms are open: the properties that were not saved, each with what it means then. */
  const unsaved = new WeakMap();

  /** The properties of a node that have a field in its form, each with its field. */
  function fieldsOf(node) {
    return Object.keys(node._def.defaults)
      .map(function (name) { return [name, element(node, name)]; })
      .filter(function (entry) { return entry[1].length > 0; });
  }

  /** The properties of a node that are objects and have a field for their JSON, `node-input-<name>-text`, each with its field. */
  function jsonFieldsOf(node) {
    return Object.keys(node._def.defaults)
      .map(function (name) { return [name, element(node, name + "-text")]; })
      .filter(function (entry) { return entry[1].length > 0; });
  }

  /**
   * For the beginning of oneditprepare, before typed inputs are made of the fields. Where a property was not saved, in a flow that is older than the
   * property or written by hand, the field shows what a new node has. Behind a time stands what it is in s, min or h, and objects are shown as JSON.
   *
   * @param meant what properties mean that were not saved, where that is not what a new node has
   */
  function prepare(node, meant) {
    const values = Object.entries(node._def.defaults).map(function ([name, property]) { return [name, property.value]; });
    unsaved.set(node, new Map(values.concat(Object.entries(meant || {})).filter(function ([name]) { return node[name] === undefined; })));
    fieldsOf(node).forEach(function ([name, input]) {
      const isConfigNode = node._def.defaults[name].type !== undefined;
      const value = unsaved.get(node).get(name);
      if (node[name] === undefined && typeof value !== "object" && !isConfigNode) {
        if (input.attr("type") === "checkbox") input.prop("checked", value);
        else input.val(value);
      }
      if (input.attr("data-unit") === "ms") showDuration(input);
    });
    jsonFieldsOf(node).forEach(function ([name, input]) {
      makeTyped(input.val(toJsonText(node[name]) || "{}"), { default: "json", types: ["json"] });
    });
  }

  /**
   * For the end of oneditsave. Keeps numbers numbers, which Node-RED reads as text – `${ENV}` and the empty text stay as they are –, and saves what stands in the
   * fields of objects and in the lists that `surewire.list` has made. What was not saved before stays so while none of that is changed: a look at a node of an older
   * flow is no change to it.
   */
  function save(node) {
    fieldsOf(node).forEach(function ([name, input]) {
      if (["numeric", "decimal"].includes(input.attr("inputmode"))) saveNumber(node, name);
    });
    jsonFieldsOf(node).forEach(function ([name, input]) { node[name] = fromJsonText(input.typedInput("value")); });
    Object.keys(node._def.defaults).forEach(function (name) {
      const target = element(node, name + "-list");
      if (target.data("surewire-list")) node[name] = rows(target);
    });
    const older = Array.from(unsaved.get(node));
    if (!older.every(function ([name, meant]) { return isStill(node, name, meant); })) return;
    older.forEach(function ([name]) {
      delete node[name];
      element(node, name).removeAttr("id"); // by which Node-RED would find and save it
    });
  }

  /** Whether a property is this in the open form, or has been made so of it. */
  function isStill(node, name, value) {
    const input = element(node, name);
    if (input.length === 0) return JSON.stringify(node[name]) === JSON.stringify(value);
    if (input.attr("type") === "checkbox") return input.prop("checked") === value;
    return (isBlank(input.val()) ? "" : input.val()) === String(value);
  }

  function saveNumber(node, property) {
    const value = element(node, property).val();
    const changed = String(node[property]) !== String(value);
    if (changed && !isBlank(value) && Number.isFinite(Number(value))) node[property] = Number(value);
  }

  /** Milliseconds in words: 1500000 → "25 min". */
  function duration(value) {
    const ms = Number(value);
    if (isBlank(value) || !Number.isFinite(ms)) return text("unit.ms");
    const units = [["h", 3600000], ["min", 60000], ["s", 1000]];
    const unit = units.find(function (entry) { return ms >= entry[1]; });
    if (!unit) return text("unit.ms");
    return text("unit.ms") + " = " + Number((ms / unit[1]).toFixed(2)) + " " + text("unit." + unit[0]);
  }

  /** Shows the unit behind a field that holds milliseconds, and what that is in s, min or h. */
  function showDuration(input) {
    const unit = $("<span/>", { class: "surewire-unit" }).insertAfter(input).before(" ");
    function show() { unit.text(duration(input.val())); }
    input.on("change keyup paste", show);
    show();
  }

  /**
   * Makes a field of a form a typed input. Node-RED hides the field and shows another one, which has no name: the field's label becomes that one's,
   * so that it is read out, and takes the focus when its label is clicked.
   */
  function makeTyped(input, options) {
    input.typedInput(options);
    const id = input.attr("id") + "-shown";
    input.next(".red-ui-typedInput-container").find(".red-ui-typedInput-input").attr("id", id);
    $('label[for="' + input.attr("id") + '"]').attr("for", id);
    return input;
  }

  /** Makes the field of a property a typed input; the first of `types` is the default. */
  function typed(property, types) {
    return makeTyped($("#node-input-" + property), { default: types[0].value || types[0], types: types, typeField: "#node-input-" + property + "Type" });
  }

  /**
   * A select, `#node-input-<property>-choice`, for a property that holds one of `words`, or something of one's own, for which the select has
   * `own`. @returns the select
   */
  function choice(property, words, own) {
    const field = $("#node-input-" + property);
    const select = $("#node-input-" + property + "-choice").val(words.includes(field.val()) ? field.val() : own);
    return select.on("change", function () {
      if (select.val() !== own) field.val(select.val());
      else if (words.includes(field.val())) field.val("");
      field.trigger("change");
    });
  }

  /** The check box that gives a source an input, by which it is paused and started. */
  function controlInput(node) {
    $("#node-input-control")
      .prop("checked", node.inputs === 1)
      .on("change", function () { $("#node-input-inputs").val($(this).prop("checked") ? 1 : 0); });
  }

  /** Shows the rows `standby` and `leaseTime` where they mean something: instances agree in a database. */
  function showStandby() {
    const hasStore = !isBlank($("#node-input-store").val());
    if (!hasStore) $("#node-input-standby").prop("checked", false);
    $("#node-input-standby-row").toggle(hasStore);
    $("#node-input-leaseTime-row").toggle($("#node-input-standby").prop("checked"));
  }

  /** The text of an object for a field; it is saved as an object. What is no object is kept as text, for `check.jsonObject` to say why. */
  function toJsonText(value) {
    if (typeof value === "string") return value;
    return value && Object.keys(value).length > 0 ? JSON.stringify(value) : "";
  }

  /** The reverse of {@link toJsonText}. */
  function fromJsonText(text) {
    if (text.trim() === "") return {};
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  /** A row of a form around an input or select: its label stands in the shared catalogue under the name of the property. */
  function formRow(property, icon, control) {
    const row = $("<div/>", { class: "form-row" });
    const label = $("<label/>", { for: "node-input-" + property }).appendTo(row);
    $("<i/>", { class: "fa fa-" + icon }).appendTo(label);
    label.append(" ", $("<span/>", { text: text("label." + property) }));
    // the space stands for the line break between them in a form's own html
    row.append(" ", control.attr("id", "node-input-" + property));
    return row;
  }

  const shared = { prepare, save, saveNumber, showDuration, makeTyped, typed, choice, controlInput, showStandby, toJsonText, fromJsonText, formRow };
  window.surewire = Object.assign(window.surewire || {}, shared);
})();
