/* What may be chosen in the place of typing a connection string: the data sources and drivers of the machine Node-RED runs on. */
(function () {
  "use strict";

  /** `driver`: the name its installation gives it on Linux; `matches`: the names it has elsewhere. */
  const TEMPLATES = [
    { label: "PostgreSQL", driver: "PostgreSQL Unicode", matches: /postgres|psqlodbc/i, rest: "Server=localhost;Port=5432;Database=plant" },
    { label: "MariaDB, MySQL", driver: "MariaDB Unicode", matches: /maria|mysql/i, rest: "Server=localhost;Port=3306;Database=plant" },
    { label: "SQLite", driver: "SQLite3", matches: /sqlite/i, rest: "Database=/var/lib/plant.db" },
    { label: "SQL Server", driver: "ODBC Driver 18 for SQL Server", matches: /sql ?server/i, rest: "Server=localhost,1433;Database=plant;Encrypt=yes" },
    { label: "Oracle", driver: "Oracle 23 ODBC driver", matches: /oracle/i, rest: "DBQ=localhost:1521/FREEPDB1" },
    { label: "Db2", driver: "IBM DB2 ODBC DRIVER", matches: /db2/i, rest: "Hostname=localhost;Port=50000;Protocol=TCPIP;Database=PLANT" },
  ];

  /** A driver nobody knows: what most of them take. */
  const UNKNOWN = "Server=localhost;Database=plant";

  function options(entries) {
    return entries.map(function (entry) { return $("<option/>", { value: entry.value, text: entry.label }); });
  }

  function group(label, entries) {
    return entries.length > 0 ? $("<optgroup/>", { label: label }).append(options(entries)) : $();
  }

  /**
   * Fills a select with data sources, drivers and the templates of drivers that are not there; the value of each is its connection string.
   *
   * @param found `{drivers, sources}`, or nothing when that could not be found out
   * @param texts `choose`, `sources`, `drivers`, `others`: the heads of the groups
   */
  function fillTemplates(select, found, texts) {
    const drivers = (found && found.drivers) || [];
    const sources = (found && found.sources) || [];
    const others = TEMPLATES.filter(function (template) { return !drivers.some(function (name) { return template.matches.test(name); }); });
    select.empty().append(
      options([{ value: "", label: texts.choose }]),
      group(texts.sources, sources.map(function (name) { return { value: "DSN=" + name, label: name }; })),
      group(texts.drivers, drivers.map(function (name) {
        const template = TEMPLATES.find(function (entry) { return entry.matches.test(name); });
        return { value: "Driver={" + name + "};" + (template ? template.rest : UNKNOWN), label: name };
      })),
      group(texts.others, others.map(function (template) { return { value: "Driver={" + template.driver + "};" + template.rest, label: template.label }; })),
    );
  }

  window.surewire = Object.assign(window.surewire || {}, { fillTemplates });
})();
