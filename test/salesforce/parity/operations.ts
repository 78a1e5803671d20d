/** Every operation of the connectors that ours replace: the rows of docs/salesforce-operations.md, and the tests of parity.test.ts. */
import { CRM_ANALYTICS } from "./analytics";
import { BULK_API } from "./bulk-api";
import { ACCOUNT_ENGAGEMENT } from "./engagement";
import type { Connector } from "./operation";
import { PLATFORM_EVENTS } from "./platform-events";
import { REST_CONNECTOR } from "./rest-connector";
import { SOAP_CONNECTOR } from "./soap-connector";

export const CONNECTORS: readonly Connector[] = [SOAP_CONNECTOR, REST_CONNECTOR, BULK_API, CRM_ANALYTICS, ACCOUNT_ENGAGEMENT, PLATFORM_EVENTS];
