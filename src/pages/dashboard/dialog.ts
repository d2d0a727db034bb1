/** Questions that the page puts, and what it says of their outcome. */
import { byId, element, setText } from "../dom.ts";

/** Asks before something that cannot be undone. Resolves with whether to do it; Esc is a no. */
export function confirm(title: string, text: string, action: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const dialog = element(
    "dialog",
    { "aria-labelledby": "confirm-title" },
    element(
      "form",
      { method: "dialog" },
      element("h2", { id: "confirm-title" }, title),
      element("p", {}, text),
      element(
        "div",
        { class: "buttons" },
        element("button", { value: "no", autofocus: "" }, "Cancel"),
        element("button", { value: "yes", class: "danger" }, action),
      ),
    ),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.returnValue === "yes");
  });
  document.body.append(dialog);
  dialog.showModal();
  return promise;
}

/** Asks for the token until one is given: without it there is nothing to see. */
export function askToken(wrong: boolean): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const input = element("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    required: "",
    "aria-describedby": "token-note",
  });
  const note = wrong
    ? element("p", { id: "token-note", class: "wrong", role: "alert" }, "That token is wrong.")
    : element("p", { id: "token-note" }, "It is the server's setting admin-token.");
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", { id: "token-title" }, "This server asks for a token"),
    element("label", { for: "token" }, "Token"),
    input,
    note,
    element(
      "div",
      { class: "buttons" },
      element("button", { class: "primary", value: "token" }, "Continue"),
    ),
  );
  const dialog = element("dialog", { "aria-labelledby": "token-title" }, form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => {
    // A browser lets a second Esc through; the question is still there.
    if (dialog.returnValue !== "token") {
      dialog.showModal();
      return;
    }
    dialog.remove();
    resolve(input.value);
  });
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  return promise;
}

/** Says how something went, to eyes and to screen readers. */
export function say(text: string): void {
  setText(byId("said", HTMLElement), text);
}
