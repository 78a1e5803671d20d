/* Editable lists: rows of cells in the form, an array in the saved flow. */
(function () {
  "use strict";
  const { isBlank, revalidate, text } = window.surewire;

  /** Makes one cell of a row: a select, a typed input, a text area or a plain field. */
  function makeCell(column, row, changed) {
    const cell = $("<div/>", { class: "surewire-cell" });
    if (column.width) cell.css("flex", "0 0 " + column.width);
    const kind = column.options ? "<select/>" : column.multiline ? "<textarea/>" : "<input/>";
    const input = $(kind, { "data-column": column.name, "aria-label": column.label || column.name, placeholder: column.label });
    if (!column.options && !column.multiline) input.attr("type", "text");
    input.appendTo(cell);
    (column.options || []).forEach(function (option) {
      $("<option/>", { value: option.value, text: option.label || option.value }).appendTo(input);
    });
    const fallback = column.value === undefined ? (column.options ? column.options[0].value : "") : column.value;
    const value = row[column.name] === undefined ? fallback : row[column.name];
    input.val(value);
    if (column.suggest) suggest(input, column.suggest);
    if (column.types) {
      const typeName = column.typeName || column.name + "Type";
      input.typedInput({ default: column.types[0].value || column.types[0], types: column.types });
      if (row[typeName]) input.typedInput("type", row[typeName]);
      input.typedInput("value", value);
      input.typedInput("width", "100%");
      input.next(".red-ui-typedInput-container").find(".red-ui-typedInput-input").attr("aria-label", column.label || column.name); // the field that is shown has no label of its own
    }
    function mark() {
      const blank = isBlank(input.val());
      const missing = blank && column.required === true ? text("reason.required") : true;
      const wrong = column.check && !blank ? column.check(input.val()) : missing;
      input.toggleClass("input-error", wrong !== true).attr("title", wrong === true ? null : wrong);
    }
    input.on("change keyup paste", function () {
      mark();
      changed();
    });
    mark();
    return cell;
  }

  let suggestions = 0;

  /** Offers words in a field that also takes other text. */
  function suggest(input, words) {
    const id = "surewire-suggestions-" + (suggestions += 1);
    const offered = $("<datalist/>", { id: id }).insertAfter(input.attr("list", id));
    words.forEach(function (word) { $("<option/>", { value: word }).appendTo(offered); });
  }

  /** Returns the values that a row of a list has now. */
  function readRow(columns, container) {
    const row = {};
    columns.forEach(function (column) {
      const input = container.find('[data-column="' + column.name + '"]');
      if (column.types) {
        row[column.name] = input.typedInput("value");
        row[column.typeName || column.name + "Type"] = input.typedInput("type");
      } else {
        const value = input.val();
        row[column.name] = column.multiline ? value : String(value === null ? "" : value).trim();
      }
    });
    return row;
  }

  function isRowBlank(columns, row) {
    return columns.every(function (column) {
      if (column.types && row[column.typeName || column.name + "Type"] === "date") return false; // the type for the present time needs no value
      return column.options || row[column.name] === column.value || isBlank(row[column.name]);
    });
  }

  /**
   * Makes an `<ol>` an editable list of rows and fills it.
   *
   * @param selector selector of the `<ol>`. Its id must not be that of the property (`node-input-mapping`), because Node-RED would read it
   *   as a field: use `node-input-mapping-list`.
   * @param options `node`: the node whose form it is; the form is checked again after every change. `rows`: the saved list.
   *   `columns`: `[{name, label, width, required, check, options, suggest, multiline, types, typeName, value}]`: `check(text)` returns true, or the reason why a cell is
   *   marked; `options` ([{value, label}]) makes a select; `suggest` (a list of words) offers words in a field that takes other text, too; `types` makes a typed input
   *   (its type is kept in `typeName`, default name + "Type"); `value` is the value of a new row; `width` is a CSS width. `plain: true`: the list has strings and one
   *   column. `add`: text of the add button. `changed`: called after every change, before the form is checked again.
   */
  function list(selector, options) {
    const target = $(selector);
    function changed() {
      if (options.changed) options.changed();
      revalidate(options.node);
    }
    target.addClass("surewire-list").data("surewire-list", options).editableList({
      header: options.header ? header(options.columns) : undefined,
      addButton: options.add || text("label.add"),
      removable: true,
      sortable: true,
      height: "auto",
      addItem: function (container, index, row) {
        const line = $("<div/>", { class: "surewire-row" }).appendTo(container);
        options.columns.forEach(function (column) { makeCell(column, row, changed).appendTo(line); });
        nameRemoval(container);
        changed();
      },
      removeItem: changed,
      sortItems: changed,
    });
    (options.rows || []).forEach(function (row) {
      const value = {};
      value[options.columns[0].name] = row;
      target.editableList("addItem", options.plain ? value : Object.assign({}, row));
    });
    return target;
  }

  /** Labels the button that deletes a row, which shows only a cross. @param container container of the row, as `addItem` gets it */
  function nameRemoval(container) {
    container.closest("li").children(".red-ui-editableList-item-remove").attr("aria-label", RED._("editor:common.label.delete"));
  }

  /** Returns the rows of a list, without those that are deleted and still fade away. */
  function items(target) {
    return $(target).editableList("items").filter(function () { return !$(this).closest("li").hasClass("red-ui-editableList-item-deleting"); });
  }

  function header(columns) {
    const line = $("<div/>", { class: "surewire-row" }).css({ padding: "0 34px 0 28px" });
    columns.forEach(function (column) {
      const cell = $("<div/>", { class: "surewire-cell", text: column.label || column.name }).appendTo(line);
      if (column.width) cell.css("flex", "0 0 " + column.width);
    });
    return line;
  }

  /** Returns the values of a list made by {@link list}, in order, without rows that are completely empty. */
  function rows(selector) {
    const target = $(selector);
    const options = target.data("surewire-list");
    const found = [];
    items(target).each(function () {
      const row = readRow(options.columns, $(this));
      if (!isRowBlank(options.columns, row)) found.push(options.plain ? row[options.columns[0].name] : row);
    });
    return found;
  }

  window.surewire = Object.assign(window.surewire || {}, { items, list, nameRemoval, rows, suggest });
})();
