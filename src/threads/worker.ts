/** What a worker thread runs. */
import { work } from "./work.ts";

work();
