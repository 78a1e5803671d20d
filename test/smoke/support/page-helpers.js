/*
 * Runs inside the editor's page: what a test needs of Node-RED's editor, as plain functions that take and give JSON.
 */
(function () {
  "use strict";
  const RED = () => window.RED;
  const $ = (...args) => window.jQuery(...args);
  const FORM = "#dialog-form, #node-config-dialog-edit-form";
  const list = (property) => $("#node-input-" + property + "-list, #node-config-input-" + property + "-list");
  let lastRight = -1;
  let checks = 0;

  window.smoke = {
    ready() {
      const editor = window.RED;
      if (window.jQuery && !window.jQuery.fx.off) {
        window.jQuery.fx.off = true; // nobody watches
        $("<style>* { transition: none !important; animation: none !important; }</style>").appendTo("head");
      }
      return Boolean(editor && editor.workspaces && editor.workspaces.active && editor.workspaces.active() && $("#red-ui-loading-progress").is(":hidden"));
    },

    /** For each type: whether it stands in the palette, with which icon, and under which text. */
    palette(types) {
      return types.map((type) => {
        const entry = $('.red-ui-palette-node[data-palette-type="' + type + '"]');
        const icon = entry.find(".red-ui-palette-icon").css("background-image") || "";
        return { type, found: entry.length === 1, icon: icon.replace(/^url\("?|"?\)$/g, ""), label: entry.text().trim().replace(/\s+/g, " ") };
      });
    },

    ports(type) {
      const definition = RED().nodes.getType(type);
      return { config: definition.category === "config", inputs: definition.inputs || 0, outputs: definition.outputs || 0 };
    },

    /** Puts a new node of that type on the tab, as a drop from the palette does. */
    drop(type) {
      if (RED().nodes.getType(type).category === "config") {
        const id = RED().nodes.id();
        const definition = RED().nodes.getType(type);
        const node = { id, type, _def: definition, users: [], z: "" };
        for (const [name, property] of Object.entries(definition.defaults)) node[name] = JSON.parse(JSON.stringify(property.value));
        RED().nodes.add(node);
        RED().editor.validateNode(node);
        return id;
      }
      const { node } = RED().view.createNode(type, 300, 200);
      RED().nodes.add(node);
      RED().editor.validateNode(node);
      RED().view.redraw(true);
      return node.id;
    },

    /** Imports a flow as the import dialog does, keeping its ids. */
    load(flow) {
      RED().view.importNodes(flow, { addFlow: false });
      const first = flow.find((node) => node.type === "tab");
      if (first) RED().workspaces.show(first.id);
    },

    /** Takes all tabs and config nodes of the pack away, except one empty tab. */
    clear() {
      const tabs = RED().nodes.getWorkspaceOrder().slice();
      RED().workspaces.add(undefined, true);
      tabs.forEach((id) => RED().workspaces.delete(RED().nodes.workspace(id)));
      RED().nodes.filterNodes({}).concat([]).forEach((node) => RED().nodes.remove(node.id));
      const configs = [];
      RED().nodes.eachConfig((node) => { if (node.type !== "global-config") configs.push(node.id); });
      configs.forEach((id) => RED().nodes.remove(id));
    },

    open(id) {
      const node = RED().nodes.node(id);
      if (node._def.category === "config") RED().editor.editConfig("", node.type, id);
      else RED().editor.edit(node);
    },

    /** Whether the form of that node is the topmost one and has slid in. */
    isOpen(id) {
      const stack = RED().editor.getEditStack();
      const tray = $(".red-ui-tray").last()[0];
      if (!tray || stack.length === 0 || stack[stack.length - 1].id !== id || $(FORM).length === 0) return false;
      const right = tray.getBoundingClientRect().right;
      const arrived = Math.abs(right - $("#red-ui-editor-stack")[0].getBoundingClientRect().right) < 2 && right === lastRight;
      lastRight = right;
      return arrived;
    },

    isClosed() {
      return RED().editor.getEditStack().length === 0 && $(".red-ui-tray").length === 0;
    },

    /** Cancels the topmost form. */
    leave() {
      $(".red-ui-tray").last().find("#node-dialog-cancel, #node-config-dialog-cancel").trigger("click");
      return false;
    },

    /** Opens the foldable part of the form that holds a field. */
    reveal(property) {
      $("#node-input-" + property + ", #node-config-input-" + property).parents("details").prop("open", true);
    },

    emptyList(property) {
      list(property).editableList("empty");
    },

    addRow(property) {
      list(property).closest(".red-ui-editableList").find(".red-ui-editableList-addButton").first().trigger("click");
    },

    /** Sets the cells of the last row, from left to right; a typed input keeps its type. */
    fillRow(property, cells) {
      const inputs = $(list(property).editableList("items").get(-1)).find("[data-column]");
      cells.forEach((value, index) => {
        const input = inputs.eq(index);
        if (input.data("noderedTypedInput")) input.typedInput("value", value);
        else input.val(value).trigger("change");
      });
    },

    /** Deletes the first row of a list with its button, and leaves the form while the row still fades away. */
    deleteRowAndSave(property) {
      window.jQuery.fx.off = false;
      list(property).find(".red-ui-editableList-item-remove").first().trigger("click");
      $("#node-dialog-ok").trigger("click");
      window.jQuery.fx.off = true;
    },

    /** Counts anew how often the open form is checked as a whole. */
    countChecks() {
      checks = 0;
      $(FORM).find("#node-input-name, #node-config-input-name").off("change.smoke").on("change.smoke", () => { checks += 1; });
    },

    checks() {
      return checks;
    },

    /** Notes of the settle rows that change with what is chosen, unheard by whoever does not see them. */
    silentNotes() {
      return $(FORM).find("#node-input-settle-rows .surewire-note, #node-input-unwired").not("[aria-live]").map((index, note) => note.textContent).get();
    },

    /** Names of fields marked as wrong in the open form. */
    marked() {
      return $(FORM).find(".input-error[id]").map((index, element) => element.id.replace(/^node-(config-)?input-/, "")).get();
    },

    /** Parts of the open form that can be closed over a field that is marked as wrong, and do not show it. */
    silentParts() {
      return $(FORM).find("details:has(.input-error) > summary").filter((index, summary) => getComputedStyle(summary, "::after").content === "none").map((index, summary) => summary.textContent).get();
    },

    /** Why cells of lists are marked as wrong in the open form. */
    markedCells() {
      return $(FORM).find("[data-column].input-error").map((index, cell) => cell.title || cell.value || "blank").get();
    },

    /** Texts in the open form that are the keys of missing translations. */
    untranslated() {
      const looksLikeKey = /^(@[\w/-]+:)?[a-z]+(-[a-z]+)*(\.[A-Za-z]+(-[A-Za-z]+)*)+$/;
      return $(FORM).find(":visible")
        .contents()
        .filter((index, child) => child.nodeType === 3 && looksLikeKey.test(child.textContent.trim()))
        .map((index, child) => child.textContent.trim())
        .get();
    },

    /** Labels that point to no field of the form. */
    strayLabels() {
      return $(FORM).find("label")
        .filter((index, label) => !label.htmlFor || !document.getElementById(label.htmlFor))
        .map((index, label) => label.textContent.trim())
        .get();
    },

    /** Texts of the open form that stand out too little from what is behind them, with their ratio. */
    faint() {
      const luminance = (rgb) => {
        const [r, g, b] = rgb.slice(0, 3).map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
      const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const rgb = parse(getComputedStyle(at).backgroundColor);
          if (rgb.length === 3 || rgb[3] > 0.5) return rgb;
        }
        return [255, 255, 255];
      };
      const found = [];
      $(FORM).find("label, span, summary, .surewire-note, .surewire-heading, input, select").filter(":visible").each((index, element) => {
        const text = element.matches("input, select") ? element.value : element.textContent.trim();
        if (!text || element.closest(".red-ui-editableList-item-handle")) return;
        const [light, dark] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a);
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < 3) found.push(text.slice(0, 40) + " " + ratio.toFixed(2));
      });
      return found;
    },

    /** Fields of the open form, and buttons that delete a row, that a screen reader cannot name. Those of Node-RED's own that keep a browser from filling in passwords are none. */
    nameless() {
      return $(FORM).find("input, select, textarea, .red-ui-editableList-item-remove").filter(":visible").not("[id^=red-ui-trap]")
        .filter((index, field) => !field.getAttribute("aria-label") && !(field.labels && field.labels.length))
        .map((index, field) => field.id || field.className)
        .get();
    },

    /** What the editor has against a node, one reason an entry. */
    reasons(id) {
      return RED().nodes.node(id).validationErrors || [];
    },

    isChanged(id) {
      return Boolean(RED().nodes.node(id).changed);
    },

    undo() {
      RED().actions.invoke("core:undo");
    },

    /** The nodes as a deploy would save them, by id. */
    saved() {
      const nodes = RED().nodes.createCompleteNodeSet({ credentials: false });
      return Object.fromEntries(nodes.map((node) => [node.id, node]));
    },

    dirty() {
      return RED().nodes.dirty();
    },

    status(id) {
      const status = RED().nodes.node(id).status;
      return status ? { fill: status.fill, text: status.text } : null;
    },

    label(id) {
      return RED().utils.getNodeLabel(RED().nodes.node(id), "");
    },

    notifications() {
      return $(".red-ui-notification:visible").map((index, element) => element.textContent.trim()).get();
    },

    help(type) {
      return (RED().nodes.getNodeHelp ? RED().nodes.getNodeHelp(type) : $('script[data-help-name="' + type + '"]').html()) || "";
    },
  };
})();
