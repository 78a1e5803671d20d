import assert from "node:assert/strict";
import type { Connector, Operation } from "./operation";
import type { World } from "./world";

/** What stands in CRM Analytics before the first operation. */
export const ANALYTICS = {
  folders: [{ label: "Plants" }],
  lenses: [{ label: "Heat" }],
  dashboards: [{ label: "Plant 1" }],
  templates: [{ label: "Sensors" }],
  annotations: [{ label: "Broken on Monday" }],
  datasets: [{ name: "Readings", rows: [{ Device: "a", Value: 1 }, { Device: "b", Value: 3 }] }],
};

interface Asset {
  id: string;
  label: string;
  currentVersionId: string;
}

/** Assets of a kind, as the API itself lists them. */
async function assets(world: World, kind: string): Promise<Asset[]> {
  return (await world.api<Record<string, Asset[]>>("GET", `/wave/${kind}`))[kind]!;
}

const idOf = async (world: World, kind: string): Promise<string> => (await assets(world, kind))[0]!.id;

function list(name: string, preset: string, kind: string, label: string): Operation {
  return {
    name,
    node: "request",
    settings: { preset },
    takes: "nothing",
    gives: `\`msg.payload.${kind}\``,
    good: () => ({ msg: {}, check: ({ payload }) => assert.ok((payload as Record<string, Asset[]>)[kind]!.some((each) => each.label === label)) }),
  };
}

const change = "`msg.id`, what changes in `msg.payload`";

/** CRM Analytics, by the REST API under `/wave`. */
export const CRM_ANALYTICS: Connector = {
  title: "CRM Analytics (Wave)",
  text: "Presets of `salesforce request`; the answer is `msg.payload`. Another preset, `analytics-upload`, makes a dataset from rows or CSV (InsightsExternalData).",
  operations: [
    {
      name: "listTopLevelResources",
      node: "request",
      settings: { preset: "analytics-resources" },
      takes: "nothing",
      gives: "`msg.payload`",
      good: () => ({ msg: {}, check: ({ payload }) => assert.match((payload as { dashboards: string }).dashboards, /\/wave\/dashboards$/) }),
    },
    list("listLense", "analytics-lenses", "lenses", "Heat"),
    list("listDashboard", "analytics-dashboards", "dashboards", "Plant 1"),
    {
      name: "createDashboard",
      node: "request",
      settings: { preset: "analytics-dashboard-create" },
      takes: "the dashboard in `msg.payload`",
      gives: "the dashboard in `msg.payload`",
      good: async (world) => ({
        msg: { payload: { label: "New", folder: { id: await idOf(world, "folders") }, state: {} } },
        check: async () => assert.ok((await assets(world, "dashboards")).some(({ label }) => label === "New")),
      }),
      bad: () => ({ msg: { payload: { label: "New", folder: { id: "00lxx" } } }, error: /id of a folder/ }),
    },
    {
      name: "updateDashboard",
      node: "request",
      settings: { preset: "analytics-dashboard-update" },
      takes: change,
      gives: "the dashboard in `msg.payload`",
      good: async (world) => {
        const id = await idOf(world, "dashboards");
        return { msg: { id, payload: { label: "Plant 1" } }, check: async () => assert.equal((await assets(world, "dashboards")).find((each) => each.id === id)?.label, "Plant 1") };
      },
      bad: () => ({ msg: { id: "0FKxx", payload: { label: "x" } }, error: /requested resource does not exist/ }),
    },
    {
      name: "listDataset",
      node: "request",
      settings: { preset: "analytics-datasets" },
      takes: "nothing",
      gives: "`msg.payload.datasets`",
      good: () => ({ msg: {}, check: ({ payload }) => assert.equal((payload as { datasets: { name: string }[] }).datasets[0]?.name, "Readings") }),
    },
    {
      name: "updateDataset",
      node: "request",
      settings: { preset: "analytics-dataset-update" },
      takes: change,
      gives: "the dataset in `msg.payload`",
      good: async (world) => {
        const id = await idOf(world, "datasets");
        return { msg: { id, payload: { label: "All readings" } }, check: async () => assert.equal((await assets(world, "datasets"))[0]?.label, "All readings") };
      },
      bad: () => ({ msg: { id: "0Fbxx", payload: { label: "x" } }, error: /requested resource does not exist/ }),
    },
    list("listFolder", "analytics-folders", "folders", "Plants"),
    {
      name: "listFolderById",
      node: "request",
      settings: { preset: "analytics-folder" },
      takes: "`msg.id`",
      gives: "the folder in `msg.payload`",
      good: async (world) => {
        const id = await idOf(world, "folders");
        return { msg: { id }, check: ({ payload }) => assert.equal((payload as Asset).id, id) };
      },
      bad: () => ({ msg: { id: "00lxx" }, error: /requested resource does not exist/ }),
    },
    {
      name: "replaceFolder",
      node: "request",
      settings: { preset: "analytics-folder-replace" },
      takes: "`msg.id`, the folder in `msg.payload`",
      gives: "the folder in `msg.payload`",
      good: async (world) => {
        const id = await idOf(world, "folders");
        return { msg: { id, payload: { label: "Plants" } }, check: async () => assert.equal((await assets(world, "folders")).find((each) => each.id === id)?.label, "Plants") };
      },
      bad: () => ({ msg: { id: "00lxx", payload: { label: "x" } }, error: /requested resource does not exist/ }),
    },
    list("listTemplate", "analytics-templates", "templates", "Sensors"),
    list("listAnnotations", "analytics-annotations", "annotations", "Broken on Monday"),
    {
      name: "query",
      node: "request",
      settings: { preset: "analytics-query" },
      takes: "`{query}`, in SAQL, in `msg.payload`",
      gives: "`msg.payload.results.records`",
      good: async (world) => {
        const { id, currentVersionId } = (await assets(world, "datasets"))[0]!;
        return {
          msg: { payload: { query: `q = load "${id}/${currentVersionId}"; q = foreach q generate 'Device' as 'Device';` } },
          check: ({ payload }) => assert.equal((payload as { results: { records: unknown[] } }).results.records.length, 2),
        };
      },
      bad: () => ({ msg: { payload: { query: 'q = load "Readings";' } }, error: /INVALID_QUERY/ }),
    },
  ],
};
