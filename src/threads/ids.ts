/** The numbers of broadcasts: each leaves the one behind it to its copy. */

/** Numbers that a broadcast takes. */
export const IDS_EACH = 2;

export function copyOf(id: number): number {
  return id + 1;
}

export function originalOf(copyId: number): number {
  return copyId - 1;
}
