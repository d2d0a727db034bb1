/** The few things that the page does with the document. Text is only ever set as text. */

export type Attributes = Readonly<Record<string, string>>;

/** A new element with its attributes and what is in it. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...content: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  made.append(...content);
  return made;
}

/** The element of the page with this id, which index.html has. */
export function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`the page has no ${kind.name} #${id}`);
  }
  return found;
}

/** Writes only what differs, so that a selection in the text and a screen reader are left alone. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/**
 * Makes `wanted` the children of `parent`, moving only those that are out of place. The focus stays
 * where it is: a browser takes it away from an element that moves.
 */
export function arrange(parent: Element, wanted: readonly Element[]): void {
  const focused = document.activeElement;
  const keep = new Set(wanted);
  [...parent.children].filter((child) => !keep.has(child)).forEach((child) => child.remove());
  wanted.forEach((child, index) => {
    const there = parent.children[index];
    if (there !== child) {
      parent.insertBefore(child, there ?? null);
    }
  });
  if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) {
    focused.focus({ preventScroll: true });
  }
}
