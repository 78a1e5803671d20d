import { describeRandomFaults } from "../flows/random-faults";
import { describeRandomFlows } from "../flows/random-flows";

/** Found to meet code that runs for one message and sends another: of the first 40 none does. */
const TIMERS_OF_OTHERS = [67, 117, 135];

describeRandomFlows([...Array.from({ length: 37 }, (_, index) => index + 1), ...TIMERS_OF_OTHERS]);

/** Each tells of something that was broken on purpose, or was broken. */
describeRandomFaults([8, 9, 11, 14, 23, 25, 32, 36]);

const OF_MORE_KINDS = [1, 3, 4, 5, 6, 7, 9, 10, 11, 12];
describeRandomFlows(OF_MORE_KINDS, { further: true });
describeRandomFaults(OF_MORE_KINDS, { further: true });

const WITH_ODD_NODES = [11, 12, 13, 14, 15, 16, 17, 18];
describeRandomFlows(WITH_ODD_NODES, { further: true, odd: true });
describeRandomFaults(WITH_ODD_NODES, { further: true, odd: true });
