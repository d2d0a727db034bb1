/**
 * Sound, full screen and the keys for them: m and f. There is no pause: what is live goes on, and who
 * comes back to it wants the present.
 */
import { byId, setText } from "../dom.ts";

export function newControls(): void {
  const video = byId("video", HTMLVideoElement);
  const mute = byId("mute", HTMLButtonElement);
  const full = byId("fullscreen", HTMLButtonElement);
  const stage = byId("stage", HTMLElement);

  const toggleSound = (): void => {
    if (!mute.hidden) {
      video.muted = !video.muted;
      // A browser that did not start it by itself does so now.
      video.play().catch(() => {});
    }
  };
  const toggleFullscreen = (): void => {
    const change =
      document.fullscreenElement === null ? stage.requestFullscreen() : document.exitFullscreen();
    change.catch(() => {});
  };

  // Browsers start what is muted by itself, and nothing else.
  video.muted = true;
  video.addEventListener("volumechange", () => {
    setText(mute, video.muted ? "Unmute" : "Mute");
    mute.classList.toggle("primary", video.muted);
    byId("silent", HTMLElement).hidden = !video.muted;
  });
  mute.addEventListener("click", toggleSound);
  full.hidden = !document.fullscreenEnabled;
  full.addEventListener("click", toggleFullscreen);
  stage.addEventListener("dblclick", ({ target }) => {
    if (target instanceof HTMLVideoElement || target instanceof HTMLCanvasElement) {
      toggleFullscreen();
    }
  });
  document.addEventListener("fullscreenchange", () => {
    setText(full, document.fullscreenElement === null ? "Full screen" : "Leave full screen");
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement;
    if (isTyping || event.ctrlKey || event.altKey || event.metaKey || event.repeat) {
      return;
    }
    if (event.key === "m") {
      toggleSound();
    } else if (event.key === "f") {
      toggleFullscreen();
    }
  });
  const copy = byId("copy", HTMLButtonElement);
  copy.hidden = !isSecureContext;
  copy.addEventListener("click", () => {
    const text = byId("command-text", HTMLElement).textContent ?? "";
    void navigator.clipboard.writeText(text).then(() => setText(copy, "Copied"));
  });
}
