/** The door of this folder: what the floors above use of the reducers. */
export { joinPartials, OrderedJoin, type OrderedName, partialOf } from "./ordered.ts";
export { parseReduce } from "./parse-reduce.ts";
export type {
  CombineFunction,
  CustomReducer,
  CustomSteps,
  ParamValue,
  Reducer,
  ReduceSpec,
} from "./reducer.ts";
export { reducerFor } from "./reducer-for.ts";
export { type ParamDoc, REDUCERS, type ReducerDoc } from "./table.ts";
