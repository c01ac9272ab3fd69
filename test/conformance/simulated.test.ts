import { simulatedBed } from "../support/simulated-bed.ts";
import { describeBroker } from "./broker.conformance.ts";

describeBroker("the simulated broker", simulatedBed);
