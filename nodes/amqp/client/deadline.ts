export { within } from "../../common/deadline";
