/** A worker thread with faults. */
import { work } from "../../src/threads/work.ts";
import { plant } from "./planted.ts";

work(({ directory }) => plant(directory));
