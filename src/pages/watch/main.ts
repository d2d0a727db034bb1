/** The watch page: one channel, as soon as it is live and as live as it can be. */
import { byId, setText } from "../dom.ts";
import { channelOf } from "./channel.ts";
import { newControls } from "./controls.ts";
import { watchForEver } from "./session.ts";
import { newView } from "./view.ts";

const channel = channelOf(location.pathname);
document.title = `${channel.name} – fstream`;
setText(byId("name", HTMLElement), channel.name);
newControls();
void watchForEver(channel, newView());
