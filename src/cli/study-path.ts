import { join } from 'node:path';
import { root } from '../harness/environment.js';
import { isFile } from '../shared/files.js';

/** Finds the file of a study: the path as given, or, for a bare name such as `quick`, the study of that name in our folder specs. */
export function studyPath(path: string): string {
  if (isFile(path) || !/^[\w-]+$/.test(path)) return path;
  const builtIn = join(root, 'specs', `${path}.yaml`);
  return isFile(builtIn) ? builtIn : path;
}
