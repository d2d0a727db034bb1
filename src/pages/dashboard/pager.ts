/** The line under a list that is shown in pages. */
import { byId, setText } from "../dom.ts";
import { formatCount } from "./format.ts";

/** Rows that are shown, asked for and updated at once. */
export const PAGE_SIZE = 50;

export interface Pager {
  readonly offset: () => number;
  /** Shows where in `total` the page is; goes back to the last page where the list got shorter. */
  show(total: number): void;
  first(): void;
}

/** The pager in #`id`, which says when it has turned to another page. */
export function newPager(id: string, turned: () => void): Pager {
  const [back, text, next] = [`${id}-back`, `${id}-text`, `${id}-next`];
  const backButton = byId(back, HTMLButtonElement);
  const nextButton = byId(next, HTMLButtonElement);
  let offset = 0;
  const turn = (by: number): void => {
    offset = Math.max(0, offset + by);
    turned();
  };
  backButton.addEventListener("click", () => turn(-PAGE_SIZE));
  nextButton.addEventListener("click", () => turn(PAGE_SIZE));
  return {
    offset: () => offset,
    show(total) {
      byId(id, HTMLElement).hidden = total <= PAGE_SIZE;
      const end = Math.min(total, offset + PAGE_SIZE);
      setText(
        byId(text, HTMLElement),
        `${formatCount(offset + 1)}–${formatCount(end)} of ${formatCount(total)}`,
      );
      backButton.disabled = offset === 0;
      nextButton.disabled = end >= total;
      if (offset > 0 && offset >= total) {
        offset = Math.floor(Math.max(0, total - 1) / PAGE_SIZE) * PAGE_SIZE;
        turned();
      }
    },
    first: () => {
      offset = 0;
    },
  };
}
