import { integer } from '../src/harness/spec.js';

/** The value of an option of parseArgs. @throws UsageError where it is not a whole number from 1 to `most` */
export const wholeNumber = (option: string, value: string, most: number = Number.MAX_SAFE_INTEGER): number =>
  integer(option, Number(value), 1, most);
