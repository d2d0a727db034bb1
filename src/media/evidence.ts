/**
 * What the first bytes of a stream say about whether it has a certain form: that it has (true), that
 * it has not, whatever comes (false), or that it takes more bytes to say (undefined).
 */
export type Evidence = boolean | undefined;

/** Whether the Latin-1 bytes of `text` stand at `at`, as far as the bytes are there. */
export function textEvidence(head: Uint8Array, at: number, text: string): Evidence {
  for (let i = 0; i < text.length; i++) {
    const byte = head[at + i];
    if (byte === undefined) {
      return undefined;
    }
    if (byte !== text.charCodeAt(i)) {
      return false;
    }
  }
  return true;
}

/** Whether one of them is true: as soon as one is known to be, or none can be any more. */
export function anyOf(...all: readonly Evidence[]): Evidence {
  return all.includes(true) ? true : all.includes(undefined) ? undefined : false;
}

/** Whether all of them are true: as soon as all are known to be, or one cannot be any more. */
export function allOf(...all: readonly Evidence[]): Evidence {
  return all.includes(false) ? false : all.includes(undefined) ? undefined : true;
}
