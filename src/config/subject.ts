import type { FaultList } from './faults.ts';
import type { PemFiles } from './pem-files.ts';
import type { Places } from './places.ts';
import type { FileShape } from './schema.ts';

/** A read file, of which some parts may be faulty (see {@link Places.tainted}) and then hold anything. */
export interface Subject {
  readonly file: Partial<FileShape>;
  readonly places: Places;
  readonly faults: FaultList;
  readonly pem: PemFiles;
}
