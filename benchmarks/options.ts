import { checked, whole } from '../src/result/check.js';

/** The value of an option of parseArgs. @throws UsageError where it is not a whole number from 1 to `most` */
export const wholeNumber = (option: string, value: string, most: number = Number.MAX_SAFE_INTEGER): number =>
  checked(whole(1, most), Number(value), option);
