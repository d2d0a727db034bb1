/**
 * One file being written:
 *
 *     take() ──► waiting, RECORD_BUFFER_BYTES at most ──► one write at a time ──► MOMENT.PID.part
 *                                                                                    │ finish
 *                                                                MOMENT[.cut].EXT ◄──┘
 */
import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Bytes that a recording holds for a disk that is slow for a moment; then it refuses. */
export const RECORD_BUFFER_BYTES: number = 4 * 1024 * 1024;

export interface RecordFile {
  /** Copies what there is room for and returns how much that was. */
  take(bytes: Uint8Array): number;
  /** Bytes taken so far. */
  taken(): number;
  /**
   * Writes what is left, leaves `length` bytes at most, and gives the file the name `path`. Rejects
   * where it could not be written. Resolves with its size.
   */
  finish(path: string, length: number): Promise<number>;
}

/** What is needed of a file that is open; node's own handles are so. */
export interface OpenFile {
  write(
    bytes: Uint8Array,
    from: number,
    length: number,
  ): Promise<{ readonly bytesWritten: number }>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface FileOptions {
  readonly path: string;
  /** There is room again after `take` took less than it was given. */
  readonly onRoom: () => void;
  readonly onWritten: (bytes: number) => void;
  readonly onFailed: (error: unknown) => void;
  readonly openFile?: (path: string) => Promise<OpenFile>;
}

/** Creates the file and its folder; until that is done, bytes wait. */
export function newRecordFile(options: FileOptions): RecordFile {
  const { onFailed, onRoom, onWritten, path, openFile = create } = options;
  const opening = openFile(path);
  // Whoever writes or finishes meets the error; nobody may be there yet.
  opening.catch(() => {});
  let waiting: Uint8Array[] = [];
  let held = 0;
  let taken = 0;
  let refused = false;
  let failure: { readonly error: unknown } | null = null;
  let writing: Promise<void> | null = null;

  async function writeAll(): Promise<void> {
    try {
      const file = await opening;
      while (waiting.length > 0) {
        const bytes = Buffer.concat(waiting);
        waiting = [];
        await writeWhole(file, bytes);
        held -= bytes.length;
        onWritten(bytes.length);
        if (refused) {
          refused = false;
          onRoom();
        }
      }
    } catch (error) {
      failure = { error };
      waiting = [];
      onFailed(error);
    } finally {
      writing = null;
    }
  }

  return {
    take(bytes) {
      const length = failure === null ? Math.min(bytes.length, RECORD_BUFFER_BYTES - held) : 0;
      refused = length < bytes.length;
      if (length > 0) {
        waiting.push(bytes.slice(0, length));
        held += length;
        taken += length;
        writing ??= writeAll();
      }
      return length;
    },
    taken: () => taken,
    async finish(finalPath, length) {
      const file = await opening;
      try {
        await writing;
        if (failure === null && taken > length) {
          await file.truncate(length);
        }
      } finally {
        await file.close();
        await rename(path, finalPath);
      }
      if (failure !== null) {
        throw failure.error;
      }
      return Math.min(taken, length);
    },
  };
}

async function create(path: string): Promise<OpenFile> {
  await mkdir(dirname(path), { recursive: true });
  return open(path, "wx");
}

async function writeWhole(file: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, from, bytes.length - from);
    from += bytesWritten;
  }
}
